package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// failing makes dead letters of all that it takes; mended passes them on.
const (
	failing = `
adapter "file" "in" { path = "in" }
adapter "http" "away" { url = "http://127.0.0.1:1/" }
flow "orders" {
  from = adapter.in
  retry { attempts = 1 }
  to   = adapter.away
}
`
	mended = `
queue "in"  {}
queue "out" {}
flow "orders" {
  from = queue.in
  to   = queue.out
}
`
	reading = `
queue "out" {}
adapter "stdio" "out" {}
flow "read" {
  from = queue.out
  to   = adapter.out
}
`
)

// A replay is a job as commands show it.
type replay struct {
	ID       string
	State    string
	Why      string
	Total    int
	Messages struct {
		Pending, Begun, Passed, Gone, Unknown int
		FailedAgain                           int `json:"failed_again"`
	}
	MaybeTwice []string `json:"maybe_twice"`
	Unknown    []string
}

// told gives a command of the control bus, and returns the job that it answers with.
func told(t *testing.T, dir string, words ...string) (r replay, err error) {
	t.Helper()
	out, failed := exec.Command(eipd, append(append([]string{"control"}, words...), "--json", "--data-dir", filepath.Join(dir, ".eipd"))...).Output()
	var reply struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		t.Fatalf("%v: %s, %v", words, out, failed)
	}
	if reply.Error != nil {
		return r, fmt.Errorf("%s", reply.Error.Message)
	}
	return r, json.Unmarshal(reply.Result, &r)
}

// A job that is killed again and again comes to its end: each letter passes its flow at
// least once, and twice only where the job says that it may have.
func TestReplay(t *testing.T) {
	n, kills, restarts := scale(5_000, 1_000), scale(20, 5), 1
	if soak() {
		kills, restarts = 50, 10
	}
	t.Run("embedded", func(t *testing.T) { replayed(t, "embedded:", n, kills, 0, nil) })
	t.Run("rabbitmq", func(t *testing.T) {
		node := rabbit.Start(t)
		replayed(t, node.URL(), n, kills, restarts, func() {
			node.Sync(t)
			node.Restart(t)
		})
	})
}

// replayed kills eipd so often, and its broker too.
func replayed(t *testing.T, broker string, n, kills, restarts int, restart func()) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintln(&lines, i)
	}
	write(t, dir, "in", lines.String())
	write(t, dir, "failing.hcl", failing)
	write(t, dir, "mended.hcl", mended)
	write(t, dir, "read.hcl", reading)
	if p := launch(t, dir, "--broker", broker, "--until-idle", "failing.hcl"); p.exit() != 4 {
		t.Fatalf("nothing failed:\n%s", p.logged())
	}
	p := run(t, dir, "--broker", broker, "mended.hcl")
	job, err := told(t, dir, "job", "orders", "action=create", "canary=1,10", "soak=50ms", fmt.Sprintf("rate=%d", 2*n/kills+100))
	if err != nil || job.Total != n {
		t.Fatalf("%+v, %v", job, err)
	}
	killed := 0
	for ; killed < kills && job.State != "done"; killed++ {
		time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond) // whatever it does by then
		if restarts > 0 && killed%(kills/restarts) == kills/restarts/2 {
			restart()
		}
		p.kill()
		p = run(t, dir, "--broker", broker, "mended.hcl")
		job, err = told(t, dir, "jobs", job.ID)
		if err != nil || job.State != "paused" && job.State != "done" {
			t.Fatalf("after a kill: %+v, %v", job, err)
		}
		if job.State == "paused" {
			resume(t, dir, job.ID)
		}
	}
	until(t, "the job ends", func() bool {
		time.Sleep(100 * time.Millisecond)
		job, err = told(t, dir, "jobs", job.ID)
		return err != nil || job.State != "running"
	})
	p.kill()
	m := job.Messages
	t.Logf("killed %d times: %+v, maybe twice %d", killed, m, len(job.MaybeTwice))
	if job.State != "done" || m.Passed+m.Unknown != n || m.Pending+m.Begun+m.FailedAgain+m.Gone != 0 {
		t.Errorf("%+v, %v", job, err)
	}
	came, twice := passed(t, dir, broker), 0
	for i := range n {
		if times := came[fmt.Sprint(i)]; times == 0 {
			t.Errorf("%d was lost", i)
		} else {
			twice += min(times-1, 1) // and perhaps at a second kill once more
		}
	}
	if named := len(job.MaybeTwice) + len(job.Unknown); twice > named || killed < kills/2 {
		t.Errorf("%d passed twice, and %d are named, after %d kills", twice, named, killed)
	}
}

// passed are the bodies in the queue out, and how many there are of each.
func passed(t *testing.T, dir, broker string) map[string]int {
	came := map[string]int{}
	if broker == "embedded:" {
		p := launch(t, dir, "--until-idle", "read.hcl")
		for out := bufio.NewScanner(p.stdout); out.Scan(); {
			came[out.Text()]++
		}
		p.exit()
		return came
	}
	conn, err := amqp.Dial(broker)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	for err == nil {
		var d amqp.Delivery
		var more bool
		if d, more, err = ch.Get("out", true); !more {
			break
		}
		came[string(d.Body)]++
	}
	if err != nil {
		t.Fatal(err)
	}
	return came
}

// resume has the job go on, once the broker has noticed that the process before is gone.
func resume(t *testing.T, dir, id string) {
	t.Helper()
	var err error
	until(t, "it goes on", func() bool {
		_, err = told(t, dir, "job", id, "action=resume")
		if err != nil && !strings.Contains(err.Error(), "being taken") {
			t.Fatal(err)
		}
		return err == nil
	})
}
