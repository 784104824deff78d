package crash

import (
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// scale is how much a test does: less where the tests shall be quick.
func scale(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// Killed at random moments while messages come steadily, eipd loses none and keeps
// the order of each key.
func TestKill_WhileFed(t *testing.T) {
	t.Parallel()
	n, kills := scale(100_000, 6_000), scale(50, 5)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	var fed atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		steady := time.NewTicker(time.Millisecond)
		defer steady.Stop()
		for in.n < n && !t.Failed() {
			<-steady.C
			in.upTo(t, in.n+4)
			fed.Store(int64(in.n))
		}
	}()
	for life := range kills {
		p := run(t, dir, "flow.hcl")
		goal := int64(n*life/kills + rand.IntN(n/kills))
		until(t, "messages are fed", func() bool { return fed.Load() >= goal })
		p.kill()
	}
	run(t, dir, "flow.hcl")
	until(t, "all messages come out", func() bool { return out.count(t) >= n })
	<-done
	out.check(t, kills)
	report(t, out, kills)
}

// Killed while few messages are under way, eipd doubles no more than these.
func TestKill_DoublesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	n, kills := scale(100_000, 10_000), scale(50, 5)
	const underWay = 10
	dir := t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	for life := range kills {
		p := run(t, dir, "flow.hcl")
		before := n*(life+1)/kills - underWay
		in.upTo(t, before)
		until(t, "messages come out", func() bool { return out.count(t) >= before })
		p.signal(syscall.SIGTERM) // what came out may not be settled yet
		if code := p.exit(); code != 0 {
			t.Fatalf("stopped with exit code %d:\n%s", code, p.logged())
		}

		p = run(t, dir, "flow.hcl")
		in.upTo(t, before+underWay)
		goal := before + rand.IntN(underWay)
		until(t, "messages are under way", func() bool { return out.count(t) >= goal })
		p.kill()
	}
	run(t, dir, "flow.hcl")
	until(t, "all messages come out", func() bool { return out.count(t) >= n })
	out.check(t, kills)
	report(t, out, kills)
	if out.doubled > kills*underWay {
		t.Errorf("%d messages were doubled by %d kills, more than %d each", out.doubled, kills, underWay)
	}
}

// Killed at full speed, with all messages there from the beginning, eipd may double
// what was under way, but loses nothing and keeps the order.
func TestKill_AtFullSpeed(t *testing.T) {
	t.Parallel()
	n, kills := scale(100_000, 10_000), scale(50, 5)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	in.upTo(t, n)
	for life := range kills {
		p := run(t, dir, "flow.hcl")
		goal := n*life/kills + 1 + rand.IntN(n/kills)
		until(t, "messages come out", func() bool { return out.count(t) >= goal })
		p.kill()
	}
	run(t, dir, "flow.hcl")
	until(t, "all messages come out", func() bool { return out.count(t) >= n })
	out.check(t, kills)
	report(t, out, kills)
}

func report(t *testing.T, out *follower, kills int) {
	t.Helper()
	n := len(out.seen)
	t.Logf("%d messages, %d kills: %d doubled (%.2f %%), %d lines torn", n, kills, out.doubled, 100*float64(out.doubled)/float64(n), out.torn)
}
