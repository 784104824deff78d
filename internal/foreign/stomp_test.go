package foreign

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

const rubyStomp = "/var/lib/dpkg/info/ruby-stomp.list"

// written waits until a file holds so many lines, and returns them.
func written(t *testing.T, file string, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { // there is nothing else to wait on
		b, _ := os.ReadFile(file) // it may not be there yet
		if all := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"); len(b) > 0 && len(all) >= n {
			return all
		} else if time.Now().After(deadline) {
			t.Fatalf("%s has %d lines, and should have %d", file, len(all), n)
		}
	}
}

func example(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// What a Ruby client sends comes out of a flow as it was, on both servers.
func TestStomp_Roundtrip(t *testing.T) {
	rabbit.Require(t, ruby, rubyStomp)
	for name, start := range map[string]func() string{
		"activemq": func() string { return activemq.Shared(t).URL() },
		"rabbitmq": func() string { return rabbit.Shared(t).StompURL() },
	} {
		t.Run(name, func(t *testing.T) {
			url, dir := start(), t.TempDir()
			write(t, dir, "flow.hcl", `
queue "in" { address = "myapp.in" }
queue "out" { address = "myapp.out" }
flow "move" {
  from = queue.in
  to   = queue.out
}`)
			launch(t, dir, "flow.hcl", "--broker", url)
			if got := output(t, client(t, ruby, "testdata/roundtrip_stomp.rb", url, "myapp")); got != "4 came as they were\n" {
				t.Error(got)
			}
		})
	}
}

// A message that goes from AMQP over STOMP to the disk and back is what it was, with
// every kind of header.
func TestStomp_Bridge(t *testing.T) {
	for name, url := range map[string]string{"activemq": activemq.Shared(t).URL(), "rabbitmq": rabbit.Shared(t).StompURL()} {
		t.Run(name, func(t *testing.T) {
			dir, amqp := t.TempDir(), rabbit.Shared(t).Vhosts(t, name)[name]
			write(t, dir, "flow.hcl", fmt.Sprintf(bridge, amqp, url, name))
			launch(t, dir, "flow.hcl")
			if got := output(t, client(t, python, "testdata/roundtrip.py", amqp, "stomp")); !strings.Contains(got, "as they were") {
				t.Error(got)
			}
		})
	}
}

const bridge = `
broker "rabbit" { url = "%s" }
broker "stomp" { url = "%s" }
broker "disk" { url = "embedded:" }
queue "in" { broker = broker.rabbit }
queue "there" {
  broker  = broker.stomp
  address = "myapp.there.%s"
}
queue "here" { broker = broker.disk }
queue "out" { broker = broker.rabbit }
flow "there" {
  from = queue.in
  to   = queue.there
}
flow "here" {
  from = queue.there
  to   = queue.here
}
flow "back" {
  from = queue.here
  to   = queue.out
}
`

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// A program runs for each announcement, also for those that come while eipd or the broker
// is down.
func TestStomp_Regen(t *testing.T) {
	rabbit.Require(t, ruby, rubyStomp)
	server, dir := activemq.Start(t), t.TempDir()
	program := write(t, dir, "gendhcpconf", "#!/bin/sh\necho run >> "+filepath.Join(dir, "runs")+"\n")
	args := []string{example(t, "dhcp-regen/regen.hcl"), "--broker", server.URL(), "--var", fmt.Sprintf("program=[%q]", program)}
	announce := func() {
		t.Helper()
		output(t, client(t, ruby, example(t, "dhcp-regen/announce.rb"), server.URL()))
	}
	p := launch(t, dir, args...)
	announce()
	written(t, filepath.Join(dir, "runs"), 1)
	p.kill()
	announce()
	announce()
	p = launch(t, dir, args...)
	written(t, filepath.Join(dir, "runs"), 3)
	server.Restart(t)
	announce()
	written(t, filepath.Join(dir, "runs"), 4)
	server.Kill()
	p.kill()
	server.Restart(t)
	announce()
	launch(t, dir, args...)
	if runs := written(t, filepath.Join(dir, "runs"), 5); len(runs) > 5+2 { // one may be doubled by each kill
		t.Errorf("the program ran %d times for 5 announcements", len(runs))
	}
}

// Two processes share a stream of clicks, one of them is killed, and every click is
// recorded, those of a session in order.
func TestStomp_Clickstream(t *testing.T) {
	rabbit.Require(t, ruby, rubyStomp)
	server := activemq.Start(t)
	url, clicks := "stomp://foo:bar@"+server.Address(), 200
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	t.Setenv("AMQ_URL", url)
	flows := example(t, "clickstream/clickstream.hcl")
	var all []*process
	for i, group := range []string{"clickstream", "clickstream", "alerts"} {
		all = append(all, launch(t, dirs[i], flows, "--env", "production", "--group", group))
	}
	feed := client(t, ruby, example(t, "clickstream/click.rb"), url, fmt.Sprint(clicks))
	if err := feed.Start(); err != nil {
		t.Fatal(err)
	}
	seen := func() map[int]bool {
		seen := map[int]bool{}
		for _, dir := range dirs[:2] {
			last := map[string]int{}
			for _, r := range records(t, filepath.Join(dir, "records.jsonl")) {
				if n := r.MS - 10; !seen[n] {
					seen[n] = true
					if before, ok := last[r.Session]; ok && before > n {
						t.Errorf("click %d of session %s came after %d", n, r.Session, before)
					}
					last[r.Session] = n
				}
			}
		}
		return seen
	}
	deadline := time.Now().Add(time.Minute)
	for killed := false; len(seen()) < clicks; time.Sleep(5 * time.Millisecond) { // there is nothing else to wait on
		if !killed && len(seen()) > clicks/10 {
			all[0].kill()
			killed = true
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d clicks were recorded", len(seen()), clicks)
		}
	}
	if err := feed.Wait(); err != nil {
		t.Error(err)
	}
	if alerts := written(t, filepath.Join(dirs[2], "alerts.jsonl"), clicks/5); len(alerts) != clicks/5 {
		t.Errorf("there are %d alerts, and should be %d", len(alerts), clicks/5)
	}
}

// A master gives work to a worker in Ruby who says everything twice, one who says nothing,
// and one who is a flow. Every report is matched with its job.
func TestStomp_MasterAndWorkers(t *testing.T) {
	rabbit.Require(t, ruby, rubyStomp)
	for name, url := range map[string]string{
		"activemq": "stomp://foo:bar@" + activemq.Shared(t).Address(),
		"rabbitmq": rabbit.Shared(t).StompURL(),
	} {
		t.Run(name, func(t *testing.T) {
			for _, manner := range []string{"double", "silent"} {
				c := client(t, ruby, example(t, "master-worker/worker.rb"), "ruby-"+manner, url, manner)
				out, err := c.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					_ = c.Process.Kill() // it works for ever
					_ = c.Wait()
				})
				if !copyUntil(&bytes.Buffer{}, out, "ready") {
					t.Fatal("the worker did not become ready")
				}
			}
			launch(t, t.TempDir(), example(t, "master-worker/worker.hcl"), "--broker", url, "--var", "name=flow")
			c := client(t, eipd, "run", "--until-idle", example(t, "master-worker/master.hcl"), "--broker", url,
				"--var", `workers=["ruby-double","ruby-silent","flow"]`)
			c.Dir, c.Stdin = t.TempDir(), strings.NewReader("one\ntwo\n")
			lines := strings.Split(strings.TrimSpace(output(t, c)), "\n")
			if len(lines) != 2 {
				t.Fatalf("the master printed %q", lines)
			}
			for i, job := range []string{"one", "two"} {
				var got struct {
					Job     string
					Missing []string
					Results []struct{ Worker, Result string }
				}
				if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
					t.Fatal(err)
				}
				for _, r := range got.Results {
					if r.Result != r.Worker+" did "+job {
						t.Errorf("to job %s, %s reported %q", job, r.Worker, r.Result)
					}
				}
				if got.Job != job || len(got.Results) != 2 || fmt.Sprint(got.Missing) != "[ruby-silent]" {
					t.Errorf("of job %s came %+v", job, got)
				}
			}
		})
	}
}

type record struct {
	Session string
	MS      int
}

// records are what a file holds; its last line may not be complete.
func records(t *testing.T, file string) (all []record) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r record
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			all = append(all, r)
		}
	}
	return all
}
