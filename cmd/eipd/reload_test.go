package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// Files are loaded anew by a signal and by commands, and whoever asks learns what
// becomes of which flow, or where the files are wrong.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	beat := func(name, every string) string {
		return fmt.Sprintf("adapter \"timer\" %[1]q { every = %[2]q }\nflow %[1]q {\n  from = adapter.%[1]s\n  discard {}\n}\n", name, every)
	}
	write(t, dir, "flows/a.hcl", beat("a", "1h"))
	write(t, dir, "flows/b.hcl", beat("b", "1h"))
	p := start(t, eipd(t, dir, "run", "flows", "--instance", "web1", "--flows-dir", "flows"))
	p.ready(t)
	write(t, dir, "flows/b.hcl", beat("b", "2h"))
	write(t, dir, "flows/c.hcl", beat("c", "1h"))
	out, _ := asking(t, eipd(t, dir, "control", "reload", "--dry-run"), 0)
	holds(t, out, "web1 b would be changed", "web1 c would be new", "web1 1 flow would be the same")
	out, _ = asking(t, eipd(t, dir, "control", "reload", "dry_run=true", "--json"), 0)
	holds(t, out, `"result":{"dry_run":true,"flows":["a","b","c"],"same":["a"],"changed":["b"],"new":["c"],"gone":[]}`)
	out, _ = asking(t, eipd(t, dir, "control", "apply", "c.hcl"), 0)
	holds(t, out, "web1 b changed", "web1 c new", "web1 1 flow the same")
	if err := os.Remove(filepath.Join(dir, "flows", "b.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "flows loaded anew", "same=2 changed=[] new=[] gone=[b]")
	write(t, dir, "flows/a.hcl", "flow {\n")
	_, stderr := asking(t, eipd(t, dir, "control", "reload"), exitFailed)
	holds(t, stderr, "web1: failed: flows/a.hcl:1:1:")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "nothing was loaded anew", "flows/a.hcl:1:1:")
	out, _ = asking(t, eipd(t, dir, "status"), 0)
	holds(t, out, "running a, c")
	_, stderr = asking(t, eipd(t, dir, "control", "status", "--dry-run"), exitFailed)
	holds(t, stderr, `status has no argument "dry_run"`)
	p.interrupt(t)
}

// A process that was killed runs again what it was told to, and says what it cannot.
func TestApply_AfterAKill(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main/main.hcl", "control_bus {}\n")
	for _, name := range []string{"a", "b"} {
		write(t, dir, "flows/"+name+".hcl", fmt.Sprintf("variable \"every\" {\n  type    = string\n  default = \"1h\"\n  dynamic = true\n}\nadapter \"timer\" %[1]q { every = var.every }\nflow %[1]q {\n  from = adapter.%[1]s\n  discard {}\n}\n", name))
	}
	run := func() *process {
		p := start(t, eipd(t, dir, "run", "main", "--instance", "web1", "--flows-dir", "flows", "--broker", "memory:"))
		p.ready(t)
		return p
	}
	p := run()
	_, stderr := asking(t, eipd(t, dir, "control", "apply", "a.hcl", "vars.evry=1s"), exitFailed)
	holds(t, stderr, `web1: bad_args: Unknown variable: What is applied declares no variable "evry". Did you mean every?`)
	for _, name := range []string{"a.hcl", "b.hcl"} {
		out, _ := asking(t, eipd(t, dir, "control", "apply", name, "vars.every=5ms"), 0)
		holds(t, out, "web1 "+strings.TrimSuffix(name, ".hcl")+" new")
	}
	out, _ := asking(t, eipd(t, dir, "control", "set", "statistics_every=10s", "for=1h"), 0)
	holds(t, out, "web1 statistics_every=10s was=0s until")
	out, _ = asking(t, eipd(t, dir, "control", "list"), 0)
	holds(t, out, "statistics every 10s (until")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.reading.Wait()
	_ = p.cmd.Wait() // it was killed
	write(t, dir, "flows/b.hcl", "flow {\n")
	p = run()
	out, _ = asking(t, eipd(t, dir, "status"), 0)
	holds(t, out, "running a ", "web1: flow file b.hcl is not applied: flows/b.hcl:1:1:")
	until(t, "it has the value of its variable", func() bool {
		out, _ := asking(t, eipd(t, dir, "control", "stats", "a", "--json"), 0)
		return !strings.Contains(out, `"received":0`)
	})
	p.interrupt(t)
}

// says waits until the log has a line with these words.
func (p *process) says(t *testing.T, words ...string) {
	t.Helper()
next:
	for l := range p.log {
		p.seen = append(p.seen, l)
		for _, w := range words {
			if !strings.Contains(l, w) {
				continue next
			}
		}
		return
	}
	p.fail(t, fmt.Sprintf("it did not say %q", words))
}

// A hundred reloads under load lose nothing, and a flow that is the same keeps its order
// and makes no doubles.
func TestReload_RabbitMQ(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "reload")["reload"]
	dir := t.TempDir()
	text := func(name, more string) string {
		return fmt.Sprintf("queue \"%[1]s_in\" {}\nqueue \"%[1]s_out\" {}\nflow %[1]q {\n  from = queue.%[1]s_in\n  %[2]s\n  to = queue.%[1]s_out\n}\n", name, more)
	}
	write(t, dir, "flows/keeps.hcl", text("keeps", ""))
	write(t, dir, "flows/changes.hcl", text("changes", ""))
	p := start(t, eipd(t, dir, "run", "flows", "--broker", url))
	p.ready(t)
	over := make(chan struct{})
	sent, came := map[string]int{}, map[string][]string{}
	var sending, reading sync.WaitGroup
	var gap time.Duration
	var mu sync.Mutex // of sent
	for _, name := range []string{"keeps", "changes"} {
		out := dial(t, url)
		deliveries, err := out.Consume(name+"_out", "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		reading.Go(func() {
			last := time.Now()
			for d := range deliveries {
				if now := time.Now(); name == "keeps" {
					gap, last = max(gap, now.Sub(last)), now
				}
				if string(d.Body) == "end" {
					break
				}
				got = append(got, string(d.Body))
			}
			mu.Lock()
			defer mu.Unlock()
			came[name] = got
		})
		in := dial(t, url)
		sending.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			n := 0
			for going := true; going; n++ {
				in.send(name+"_in", amqp.Publishing{Body: []byte(strconv.Itoa(n)), DeliveryMode: amqp.Persistent})
				select {
				case <-tick.C:
				case <-over:
					going = false
				}
			}
			in.send(name+"_in", amqp.Publishing{Body: []byte("end")})
			mu.Lock()
			defer mu.Unlock()
			sent[name] = n
		})
	}
	for i := range 100 {
		more, want := fmt.Sprintf("filter { if = \"body != '-%d'\" }", i), "flows loaded anew"
		switch i % 5 {
		case 3:
			more, want = "filter {", "nothing was loaded anew"
		case 4:
			write(t, dir, "flows/more.hcl", text("more"+strconv.Itoa(i), ""))
		}
		write(t, dir, "flows/changes.hcl", text("changes", more))
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.says(t, want)
	}
	close(over)
	sending.Wait()
	reading.Wait()
	for name, bodies := range came {
		seen := map[string]bool{}
		for i, body := range bodies {
			if name == "keeps" && body != strconv.Itoa(i) {
				t.Fatalf("the flow that is the same has sent %s as number %d", body, i)
			}
			seen[body] = true
		}
		if len(seen) != sent[name] {
			t.Errorf("of %d messages %d came by %s", sent[name], len(seen), name)
		}
		t.Logf("%s: %d messages, %d doubles", name, len(seen), len(bodies)-len(seen))
	}
	t.Logf("the longest gap of the flow that is the same was %v", gap)
	p.interrupt(t)
}
