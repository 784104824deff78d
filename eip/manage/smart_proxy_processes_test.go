package manage_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/manage"
)

// Processes of one flow compete for replies. Each brings back whatever it gets,
// and each knows in the end what became of its own requests.
func TestSmartProxy_SeveralProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 50
		o := newOffice(t)
		proxies := []*manage.SmartProxy{o.proxy(nil), o.proxy(nil), o.proxy(nil)}
		want := map[string]bool{}
		for i := range each {
			for j, p := range proxies {
				name := fmt.Sprintf("%d of %d", i, j)
				want[name] = true
				o.ask(p, o.request(name))
				time.Sleep(time.Millisecond)
				o.answer(o.take("service"))
			}
		}
		synctest.Wait()
		bodies, _ := o.Channel("answers").Waiting()
		for range bodies {
			m := o.take("answers")
			name := string(m.Body())[3:]
			if !want[name] || m.CorrelationID != "correlation of "+name {
				t.Errorf("the requestor got %q about %q", m.Body(), m.CorrelationID)
			}
			delete(want, name)
		}
		if len(want) > 0 || len(bodies) != 3*each {
			t.Errorf("%d answers; without one are %v", len(bodies), want)
		}
		var foreign, measured int64
		for _, p := range proxies {
			c := p.Stats().Counts
			if c["requests"] != each || c["replies"] != each || c["outstanding"] != 0 || c["timed_out"] != 0 || c["unmatched"] != 0 {
				t.Errorf("counts %v", c)
			}
			foreign += c["foreign"]
			measured += p.Stats().Times["round_trip"].Durations().Count
		}
		if foreign == 0 || measured != 3*each {
			t.Errorf("%d replies came by another process, %d round trips were measured", foreign, measured)
		}
		o.shut(proxies...)
	})
}

// A reply that comes by another process after the time-out is late there too.
func TestSmartProxy_LateByAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		a := o.proxy(nil)
		o.ask(a, o.request("a"))
		request := o.take("service")
		time.Sleep(time.Minute)
		// Its shared inbox is read by another process only.
		b := o.proxy(nil)
		for range 10 {
			o.answer(request)
		}
		synctest.Wait()
		o.shut(a, b)
		if c := a.Stats().Counts; c["timed_out"] != 1 || c["late"] != 1 || c["requests"] != 1 {
			t.Errorf("counts %v", c)
		}
		if n := a.Stats().Counts["unmatched"] + b.Stats().Counts["unmatched"]; n < 8 {
			t.Errorf("of 9 doubles %d were dropped", n)
		}
	})
}

// A process that ends leaves its requests to the next: replies find their way,
// once, however late they are.
func TestSmartProxy_Restart(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			before := o.proxy(nil)
			o.ask(before, o.request("a"))
			o.ask(before, o.request("b"))
			a, b := o.take("service"), o.take("service")
			o.shut(before)
			o.answer(a) // while no process runs
			time.Sleep(2 * time.Second)
			if late {
				time.Sleep(time.Hour)
			}
			after := o.proxy(nil)
			o.answer(b)
			o.answer(b)
			synctest.Wait()
			o.answers("a", "b")
			o.counts(after, map[string]int64{"foreign": 2, "unmatched": 1})
			if d := after.Stats().Times["round_trip"].Durations(); d.Count != 2 || d.Min < 2*time.Second {
				t.Errorf("round trips %+v", d)
			}
			o.counts(before, map[string]int64{"requests": 2, "outstanding": 2})
			o.shut(after)
		})
	}
}

// A flow that is stopped and started again goes on with the same stage.
func TestSmartProxy_OpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		o.ask(p, o.request("a"))
		o.ask(p, o.request("b"))
		a := o.take("service")
		o.shut(p)
		time.Sleep(20 * time.Second)
		o.open(p)
		o.answer(a)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		o.answers("a")
		o.counts(p, map[string]int64{"requests": 2, "replies": 1, "timed_out": 1})
		o.shut(p)
	})
}
