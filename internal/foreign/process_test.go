package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// What processes do is what the machine of process.py allows, however often eipd is killed or
// its connections are cut, events and replies come twice, late or forged, and times end at the
// same moment. EIPD_SOAK=1 makes it more of all, and EIPD_SEED the same once more.
func TestProcess_Model(t *testing.T) {
	rabbit.Require(t, python, pika)
	orders, spread := "300", "4"
	if os.Getenv("EIPD_SOAK") != "" {
		orders, spread = "20000", "600"
	}
	seed := os.Getenv("EIPD_SEED")
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64(), 36)
	}
	t.Logf("EIPD_SEED=%s", seed)
	for name, underway := range map[string]func(*testing.T, string, string, <-chan error) (int, error){"undisturbed": undisturbed, "killed": killed, "cut": cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, vhost := rabbit.Shared(t), "process_"+name
			url := n.Vhosts(t, vhost)[vhost]
			model := exec.CommandContext(t.Context(), python, "testdata/process.py", url, orders, spread, seed)
			var out, stderr bytes.Buffer
			model.Stdout, model.Stderr = &out, &stderr
			if err := model.Start(); err != nil {
				t.Fatal(err)
			}
			over := make(chan error, 1)
			go func() { over <- model.Wait() }()
			dir := t.TempDir()
			faults, err := underway(t, url, dir, over)
			if err != nil {
				t.Fatalf("%v: %s", err, &stderr)
			}
			for line := range strings.Lines(start(t, url, "testdata/process.hcl", "--data-dir", dir).stop()) {
				if strings.Contains(line, "level=ERROR") {
					t.Errorf("when all is over it logs %s", line)
				}
			}
			var seen struct {
				Doubled, Both, Late int
				Ends                map[string]int
			}
			if err := json.Unmarshal(out.Bytes(), &seen); err != nil {
				t.Fatal(err, &out)
			}
			t.Logf("%d faults: %s", faults, bytes.TrimSpace(out.Bytes()))
			if most := faults * 256; seen.Doubled > most || seen.Both > most {
				t.Errorf("%d messages came twice, and %d had an effect and became a dead letter; %d may", seen.Doubled, seen.Both, most)
			}
			if faults == 0 && seen.Late > 0 {
				t.Errorf("%d could not be undone, as replies came too late", seen.Late)
			}
			if len(seen.Ends) < 4 {
				t.Errorf("orders came to the ends %v only", seen.Ends)
			}
			for _, q := range queuesOf(t, n, vhost) {
				if !strings.HasSuffix(q, " 0") {
					t.Errorf("there is left in a queue: %s", q)
				}
			}
			rest := output(t, client(t, eipd, "state", "show", "orders.order", "--data-dir", dir))
			if !strings.Contains(rest, `"\x00salt"`) || strings.Contains(rest, `"\x00o`) {
				t.Errorf("something is left to send:\n%s", rest)
			}
		})
	}
}

// undisturbed runs eipd until something is over.
func undisturbed(t *testing.T, url, dir string, over <-chan error) (faults int, err error) {
	p := start(t, url, "testdata/process.hcl", "--data-dir", dir)
	err = <-over
	p.stop()
	return 0, err
}

// cut resets its connections now and then.
func cut(t *testing.T, url, dir string, over <-chan error) (faults int, err error) {
	n := rabbit.Shared(t)
	network := netfault.Start(t, n.Address())
	p := start(t, strings.Replace(url, n.Address(), network.Address(), 1), "testdata/process.hcl", "--data-dir", dir)
	defer p.stop()
	for {
		select {
		case err = <-over:
			return faults, err
		case <-time.After(300*time.Millisecond + rand.N(2200*time.Millisecond)): // whatever it does by then
			network.Cut()
			faults++
		}
	}
}

// killed kills it now and then, and starts it again.
func killed(t *testing.T, url, dir string, over <-chan error) (faults int, err error) {
	flows, err := filepath.Abs("testdata/process.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for going := true; going; {
		c := exec.CommandContext(t.Context(), eipd, "run", flows, "--broker", url, "--data-dir", dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case err = <-over:
			going = false
		case <-time.After(300*time.Millisecond + rand.N(2200*time.Millisecond)): // whatever it does by then
			faults++
		}
		_ = c.Process.Kill() // Wait says whether it ran
		if err := c.Wait(); c.ProcessState.Exited() {
			t.Fatalf("eipd ended by itself: %v", err)
		}
	}
	return faults, err
}

// Processes that bunny answers, and cancels at the same moment, come to one end each, and the
// other message becomes a dead letter. So many are under way at once as there are.
func TestProcess_Race(t *testing.T) {
	rabbit.Require(t, ruby, bunny)
	all := 2000
	if os.Getenv("EIPD_SOAK") != "" {
		all = 10_000
	}
	url := rabbit.Shared(t).Vhosts(t, "race")["race"]
	start(t, url, "testdata/race.hcl")
	ch := dial(t, url)
	for i := range all {
		m := amqp.Publishing{Body: fmt.Appendf(nil, `{"order": %d, "event": "placed"}`, i), MessageId: fmt.Sprint("placed ", i), ContentType: "application/json", DeliveryMode: amqp.Persistent}
		if err := ch.Publish("", "events", true, false, m); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	for asked := 0; asked < all; time.Sleep(50 * time.Millisecond) { // all of them are under way at once
		q, err := ch.QueueDeclarePassive("payments", true, false, false, false, nil)
		if err != nil || time.Since(began) > 2*time.Minute {
			t.Fatalf("%d of %d have asked: %v", asked, all, err)
		}
		asked = q.Messages
	}
	t.Logf("%d processes began in %v", all, time.Since(began))
	participant := exec.CommandContext(t.Context(), ruby, "testdata/participant.rb", url, "payments", "events")
	stdin, err := participant.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := participant.Start(); err != nil {
		t.Fatal(err)
	}
	ends, err := ch.Consume("ends", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := ch.Consume("dead", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	end, left := map[string]string{}, map[string]string{}
	began = time.Now()
	for len(end) < all || len(left) < all {
		select {
		case d := <-ends:
			var said struct{ Order, End string }
			if err := json.Unmarshal(d.Body, &said); err != nil || end[said.Order] != "" {
				t.Fatalf("after %q there came %s, %v", end[said.Order], d.Body, err)
			}
			end[said.Order] = said.End
		case d := <-dead:
			what, order, _ := strings.Cut(d.MessageId, " ")
			if left[order] != "" {
				t.Fatalf("of order %s both %s and %s are dead letters", order, left[order], what)
			}
			left[order] = map[string]string{"paid": "paid", "cancel": "cancelled"}[what]
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d have ended, and %d messages are dead letters", len(end), all, len(left))
		}
	}
	count := map[string]int{}
	for order, e := range end {
		if count[e]++; left[order] == e {
			t.Errorf("order %s is %s, and the message of that is a dead letter", order, e)
		}
	}
	t.Logf("they ended in %v: %v", time.Since(began), count)
	if slices.Contains([]int{count["paid"], count["cancelled"]}, 0) {
		t.Errorf("there was no race: %v", count)
	}
	if err := errors.Join(stdin.Close(), participant.Wait()); err != nil {
		t.Errorf("bunny: %v", err)
	}
}
