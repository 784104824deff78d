package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"

	_ "github.com/eipd/eipd/eip/broker/stomp"
)

// Jobs are made, listed, followed and steered by commands. What they begin is known when
// the process dies.
func TestJob(t *testing.T) {
	for kind, broker := range map[string]func(*testing.T) string{
		"memory": func(*testing.T) string { return "memory:" }, "embedded": func(*testing.T) string { return "embedded:" },
		"activemq": func(t *testing.T) string { return activemq.Start(t).URL() },
	} {
		t.Run(kind, func(t *testing.T) {
			p, in, out := runOn(t, broker(t), `
flow "orders" {
  from = adapter.in
  retry { attempts = 1 }
  to = adapter.out
}
`)
			var broken atomic.Bool
			broken.Store(true)
			out.refuse = func(*eip.Message) error {
				if broken.Load() {
					return errors.New("refused")
				}
				return nil
			}
			for i := range 30 {
				in.feed(t, fmt.Sprint(i))
			}
			until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "", nil)["orders"].Failed == 30 })
			if all := do[control.Jobs](t, p.client, "jobs", "", nil); len(all.Jobs) != 0 {
				t.Errorf("%+v", all)
			}
			j := do[deadletter.Job](t, p.client, "job", "orders", args{"action": "create", "soak": "none"})
			if j.ID == "" || j.Total != 30 || j.Steps != 4 || j.By == "" {
				t.Errorf("%+v", j)
			}
			if j = followed(t, p.client, j.ID); j.State != deadletter.Paused || j.Messages.FailedAgain != 1 || j.Messages.Pending != 29 {
				t.Errorf("%+v", j)
			}
			broken.Store(false)
			do[deadletter.Job](t, p.client, "job", j.ID, args{"action": "resume"})
			if j = followed(t, p.client, j.ID); j.State != deadletter.Done || j.Messages.Passed != 29 {
				t.Errorf("%+v", j)
			}
			out.await(t, 29)
			for i, m := range out.messages() {
				if string(m.Body()) != fmt.Sprint(i+1) || m.Headers[header.ReplayedBy] == nil {
					t.Errorf("%s with %v", m.Body(), m.Headers)
				}
			}
			j = do[deadletter.Job](t, p.client, "job", "orders", args{"action": "create", "canary": "none", "rate": "20/s", "ask": true, "under_way": 3, "stop_after": 2, "watch": "none", "within": "1h"})
			if j = followed(t, p.client, j.ID); j.State != deadletter.Done || j.Messages.Passed != 1 {
				t.Errorf("%+v", j)
			}
			if all := do[control.Jobs](t, p.client, "jobs", "orders", nil); len(all.Jobs) != 2 || all.Jobs[0].ID != j.ID {
				t.Errorf("%+v", all)
			}
			refused(t, p.client, control.UnknownTarget, "job", "order", args{"action": "create"})
			refused(t, p.client, control.UnknownTarget, "job", "99", args{"action": "pause"})
			refused(t, p.client, control.UnknownTarget, "jobs", "99", nil)
			refused(t, p.client, control.UnknownTarget, "jobs", "99", args{"follow": true})
			refused(t, p.client, control.Failed, "job", j.ID, args{"action": "pause"})
			refused(t, p.client, control.Failed, "job", "orders", args{"action": "create"}) // there is no letter
			for _, wrong := range []args{nil, {"action": "creates"}, {"action": "pause", "rate": 5}, {"action": "create", "rate": "fast"}, {"action": "create", "canary": "1,x"},
				{"action": "create", "rate": -1}, {"action": "create", "soak": "soon"}, {"action": "create", "within": 5}, {"action": "create", "stop_after": 0}, {"action": 7}} {
				refused(t, p.client, control.BadArgs, "job", "orders", wrong)
			}
		})
	}
}

// followed follows a job to where it does not run.
func followed(t *testing.T, c *control.Client, id string) (j deadletter.Job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for j.State == "" || j.State == deadletter.Running {
		for r, err := range c.Do(ctx, control.Command{Command: "jobs", Target: id, Args: args{"follow": true}}, control.Collect{Expect: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Read(&j); err != nil {
				t.Fatal(err)
			}
		}
	}
	return j
}

// Of two processes that are told at once to replay the letters of one queue, exactly one
// does.
func TestJob_TwoProcesses(t *testing.T) {
	o := outside(t, "two_jobs")
	const text = `
queue "dead" { arguments = { x-queue-type = "classic" } }
flow "orders" {
  from        = adapter.in
  dead_letter = queue.dead
  to          = adapter.out
}
`
	a, _, _ := runOn(t, o.url, text)
	b, _, _ := runOn(t, o.url, text)
	const rounds, letters, mostTries = 100, 3, 1000
	tries := 0
	for round := range rounds {
		for range letters {
			o.deadLetter("dead", "orders")
		}
		ran := 0
		for ran == 0 {
			var both sync.WaitGroup
			var jobs [2]deadletter.Job
			var errs [2]error
			for i, p := range []*process{a, b} {
				both.Go(func() {
					jobs[i], errs[i] = try[deadletter.Job](t, p.client, "job", "orders", args{"action": "create", "canary": "none", "rate": "none"})
				})
			}
			both.Wait()
			for i, p := range []*process{a, b} {
				if errs[i] != nil {
					continue
				}
				ran++
				if j := followed(t, p.client, jobs[i].ID); j.State != deadletter.Done || j.Messages.Passed != letters {
					t.Fatalf("round %d: %+v", round, j)
				}
			}
			// Where the broker does not answer in time, neither does, and nothing is touched.
			if tries++; ran > 1 || tries > mostTries {
				t.Fatalf("round %d: %d of two jobs ran: %v", round, ran, errs)
			}
			if ran == 0 {
				t.Logf("round %d: none of two jobs ran: %v", round, errs)
			}
		}
	}
}

// A user who may not claim a queue may replay what is in it, as ever.
func TestJob_MayNotClaim(t *testing.T) {
	const vhost, user = "no_claims", "narrow"
	o := outside(t, vhost)
	node := rabbit.Shared(t)
	node.Ctl(t, "add_user", user, "secret")
	t.Cleanup(func() { node.Ctl(t, "delete_user", user) })
	node.Ctl(t, "set_permissions", "-p", vhost, user, "^(dead|eip.control.*)$", ".*", "^(dead|eip.control.*)$")
	at, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword(user, "secret")
	p, _, out := runOn(t, at.String(), `
queue "dead" { arguments = { x-queue-type = "classic" } }
flow "orders" {
  from        = adapter.in
  dead_letter = queue.dead
  to          = adapter.out
}
`)
	for _, give := range []func() (int, error){
		func() (int, error) {
			r, err := try[control.Replayed](t, p.client, "replay", "orders", nil)
			return int(r.Replayed), err
		},
		func() (int, error) {
			j, err := try[deadletter.Job](t, p.client, "job", "orders", args{"action": "create"})
			return j.Total, err
		},
	} {
		o.deadLetter("dead", "orders")
		if n, err := give(); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	out.await(t, 2)
}

// deadLetter puts a dead letter of a flow into a queue.
func (o *outsider) deadLetter(queue, flow string) {
	o.Helper()
	if err := o.Confirm(false); err != nil {
		o.Fatal(err)
	}
	c, err := o.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(flow), Headers: amqp.Table{
		header.Flow: flow, header.Failed: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)}})
	if err != nil || !c.Wait() {
		o.Fatal(err)
	}
}

// What is redacted is in no job, nor in the file of jobs.
func TestJob_Redacted(t *testing.T) {
	p, in, out := runOn(t, "memory:", `
control_bus { redact = ["body.card"] }
flow "orders" {
  from = adapter.in
  retry { attempts = 1 }
  to = adapter.out
}
`)
	const card = "4111222233334444"
	out.refuse = func(m *eip.Message) error { return fmt.Errorf("refused %s", m.Body()) }
	in.feed(t, `{"card":"`+card+`"}`)
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "", nil)["orders"].Failed == 1 })
	j := do[deadletter.Job](t, p.client, "job", "orders", args{"action": "create"})
	j = followed(t, p.client, j.ID)
	if len(j.Failures) != 1 || !strings.Contains(j.Failures[0].Now, "refused") {
		t.Errorf("%+v", j)
	}
	for _, command := range []string{"job", "jobs"} {
		if text := fmt.Sprint(try[any](t, p.client, command, j.ID, args{})); strings.Contains(text, card) {
			t.Error(text)
		}
	}
	if text := fmt.Sprintf("%+v", j); strings.Contains(text, card) {
		t.Error(text)
	}
	looked := 0
	err := filepath.WalkDir(filepath.Dir(p.socket), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if looked++; bytes.Contains(text, []byte(card)) {
			t.Errorf("it is in %s", path)
		}
		return err
	})
	if err != nil || looked < 2 {
		t.Errorf("%d files, %v", looked, err)
	}
}
