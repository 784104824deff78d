package crash

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
)

// Told to stop under load, eipd finishes what is in flight and ends with 0. The
// next process goes on where it stopped: nothing is lost, and nothing doubled.
func TestStop_UnderLoad(t *testing.T) {
	t.Parallel()
	n, stops := scale(50_000, 10_000), 5
	dir := t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	in.upTo(t, n)
	for life := 1; out.distinct < n; life++ {
		p := run(t, dir, "flow.hcl")
		goal := n
		if life <= stops {
			goal = n * life / (stops + 1)
		}
		until(t, "messages come out", func() bool { return out.count(t) >= goal })
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 {
			t.Fatalf("stopped with exit code %d:\n%s", code, p.logged())
		}
		out.count(t)
	}
	out.check(t, 0)
	if out.doubled > 0 {
		t.Errorf("%d messages were doubled", out.doubled)
	}
}

// A second signal ends eipd while it still waits for a receiver, here one that
// reads nothing. What was not settled is delivered by the next process.
func TestStop_TwiceAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
adapter "file" "in" { path = "in.jsonl" }
adapter "stdio" "out" {}
queue "work" {}

flow "take" {
  from = adapter.in
  to   = queue.work
}
flow "give" {
  from = queue.work
  to   = adapter.out
}
`)
	// Each message is larger than a pipe, so that the first one blocks.
	var lines []string
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("{\"n\":%d,\"padding\":%q}\n", i, strings.Repeat("x", 1<<18)))
	}
	write(t, dir, "in.jsonl", strings.Join(lines, ""))
	p := run(t, dir, "--grace", "1h", "flow.hcl")
	var first, second bytes.Buffer
	if _, err := io.CopyN(&first, p.stdout, 1); err != nil { // now it writes
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.await("stopping")
	p.signal(syscall.SIGTERM)
	if _, err := first.ReadFrom(p.stdout); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 1 {
		t.Errorf("the second signal ended it with %d, want 1:\n%s", code, p.logged())
	}
	if strings.Contains(first.String(), lines[1]) {
		t.Error("the second signal did not end it at once: it wrote the second message whole")
	}

	q := launch(t, dir, "--until-idle", "flow.hcl")
	if _, err := second.ReadFrom(q.stdout); err != nil {
		t.Fatal(err)
	}
	if code := q.exit(); code != 0 {
		t.Errorf("the next process ended with %d:\n%s", code, q.logged())
	}
	next := 0 // what was taken last may come twice
	for line := range strings.Lines(second.String()) {
		if next < len(lines) && line == lines[next] {
			next++
		}
	}
	if next != len(lines) {
		t.Errorf("of %d messages the next process gave %d in order, in %d lines", len(lines), next, strings.Count(second.String(), "\n"))
	}
}

// Frozen and thawed, eipd goes on as if nothing had been.
func TestFreeze_UnderLoad(t *testing.T) {
	t.Parallel()
	n, times := scale(50_000, 10_000), 10
	dir := t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	in.upTo(t, n)
	p := run(t, dir, "flow.hcl")
	for i := range times {
		until(t, "messages come out", func() bool { return out.count(t) >= n*i/times })
		p.signal(syscall.SIGSTOP)
		until(t, "eipd is frozen", func() bool { return state(t, p) == 'T' })
		p.signal(syscall.SIGCONT)
	}
	until(t, "all messages come out", func() bool { return out.count(t) >= n })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("stopped with exit code %d:\n%s", code, p.logged())
	}
	out.count(t)
	out.check(t, 0)
	if out.doubled > 0 {
		t.Errorf("%d messages were doubled", out.doubled)
	}
}
