package manage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage"
)

// Whatever a service does, each request is answered as often as it should be, and
// the counts add up.
func TestSmartProxy_RandomService(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomService(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func randomService(t *testing.T, r *rand.Rand) {
	const requests = 300
	o := newOffice(t)
	p := o.proxy(func(p *manage.SmartProxy) { p.Timeout = 10 * time.Second })
	toReplier := replier(func(reply *eip.Message) error { return o.SendTo(t.Context(), "answers", reply) })
	var wantReplies, wantLate, wantTimedOut, wantUnmatched int64
	answered := map[string]bool{} // by name: is it to be answered?
	for i := range requests {
		name := fmt.Sprint(i)
		m := o.request(name)
		oneWay := false
		switch r.IntN(4) {
		case 0:
			m = m.WithReplier(toReplier) // kept
		case 1:
			m = m.With(func(m *eip.Message) { m.ReplyTo = "" }).WithReplier(nil)
			oneWay = true
		}
		o.ask(p, m)
		request := o.take("service")
		time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
		after, copies := time.Duration(r.IntN(9000))*time.Millisecond, 1
		switch r.IntN(5) {
		case 0:
			copies = 0
			wantTimedOut++
		case 1:
			after += 11 * time.Second
			wantTimedOut++
			wantLate++
		case 2:
			copies += r.IntN(4)
			wantReplies++
		case 3:
			o.answer(request.With(func(m *eip.Message) { m.CorrelationID = "of " + name }))
			wantUnmatched++
			fallthrough
		default:
			wantReplies++
		}
		wantUnmatched += int64(max(copies-1, 0))
		answered[name] = copies > 0 && !oneWay
		for c := range copies {
			time.AfterFunc(after+time.Duration(c*r.IntN(20_000))*time.Millisecond, func() { o.answer(request) })
		}
		c := p.Stats().Counts
		if c["requests"] != int64(i+1) || c["requests"] != c["replies"]+c["outstanding"]+c["timed_out"]+c["failed"] || c["late"] > c["timed_out"] {
			t.Fatalf("counts do not add up: %v", c)
		}
	}
	time.Sleep(5 * time.Minute)
	synctest.Wait()
	o.counts(p, map[string]int64{"requests": requests, "replies": wantReplies, "timed_out": wantTimedOut, "late": wantLate, "unmatched": wantUnmatched})
	if n := p.Stats().Times["round_trip"].Durations().Count; n != wantReplies+wantLate {
		t.Errorf("%d round trips were measured, want %d", n, wantReplies+wantLate)
	}
	bodies, _ := o.Channel("answers").Waiting()
	for range bodies {
		m := o.take("answers")
		name := string(m.Body())[3:]
		if !answered[name] || m.CorrelationID != "correlation of "+name {
			t.Errorf("the requestor got %q about %q, which it should not, or has already", m.Body(), m.CorrelationID)
		}
		delete(answered, name)
	}
	for name, missing := range answered {
		if missing {
			t.Errorf("request %s was not answered", name)
		}
	}
	o.shut(p)
}
