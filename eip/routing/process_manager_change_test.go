package routing_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

// change has the flow start again, with another plan.
func (o *office) change(set func(*routing.ProcessManager)) {
	o.Helper()
	o.shut()
	plan := o.plan
	o.plan = func(o *office) *routing.ProcessManager {
		p := plan(o)
		set(p)
		return p
	}
	o.open()
	synctest.Wait()
}

// A request whose state the flow no longer has is not waited for any more.
func TestProcessManager_TimeoutOfAStateThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) {
			p.On[0].Request[0].Timeout = time.Minute
			p.States[0].OnTimeout = []*routing.ProcessTimeout{{Label: "payment", ProcessAction: routing.ProcessAction{Goto: "cancelled"}}}
		})
		o.come("a placed")
		o.change(func(p *routing.ProcessManager) { p.States[0].Label, p.On[0].Goto = "asked", "asked" })
		time.Sleep(time.Hour)
		synctest.Wait()
		all, _, err := o.stage.Groups("a", 1)
		if err != nil || len(all) != 1 || all[0].State != "paying" || !all[0].ClosesAt.After(time.Now()) || o.stage.Busy() {
			t.Errorf("processes %+v, busy %v: %v", all, o.stage.Busy(), err)
		}
		o.shut()
	})
}

// Which of a state's times are over, a process knows by how long they are.
func TestProcessManager_OtherTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		notes := func(o *office, all ...string) (times []*routing.ProcessAfter) {
			for _, d := range all {
				times = append(times, after(d, routing.ProcessAction{Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'" + d + "'")}}})...)
			}
			return times
		}
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.On[0].Request[0].Body = o.of("'pay'")
			p.States[0].After = notes(o, "1m", "10m", "20m")
		})
		o.come("a placed")
		time.Sleep(11 * time.Minute)
		o.expect(wanted{"payments": "pay", "notes": "placed a | 1m | 10m"})
		o.change(func(p *routing.ProcessManager) { p.States[0].After = notes(o, "30m", "20m", "10m", "6m", "5m") })
		time.Sleep(time.Hour)
		o.expect(wanted{"payments": "pay", "notes": "placed a | 1m | 10m | 20m | 30m"})
		o.shut()
	})
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.On[0].Request[0].Body = o.of("'pay'")
			p.States[0].After = append(after("1m", routing.ProcessAction{}), after("10m", routing.ProcessAction{Goto: "cancelled"})...)
		})
		o.come("a placed")
		time.Sleep(5 * time.Minute)
		o.change(func(p *routing.ProcessManager) { p.States[0].After = p.States[0].After[1:] })
		time.Sleep(time.Hour)
		o.expect(wanted{"payments": "pay", "notes": "placed a", "cancelled": "cancelled a"})
		o.shut()
	})
}

// What the flow waits for at its end is counted as it was put down, whatever the plan has become.
func TestProcessManager_BusyAfterAChange(t *testing.T) {
	for name, change := range map[string]func(*routing.ProcessManager){
		"no time any more": func(p *routing.ProcessManager) { p.States[0].After = nil },
		"younger":          func(p *routing.ProcessManager) { p.MaxAge.Set(2 * time.Minute); p.States[0].After[0].Label = "90s" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, nil)
				o.come("a placed", "b placed")
				time.Sleep(time.Minute)
				o.change(change)
				o.come("a cancel")
				time.Sleep(time.Hour)
				if synctest.Wait(); o.stage.Busy() {
					t.Errorf("busy with %q", o.states())
				}
				o.shut()
			})
		})
	}
}

// A process shows when something will happen to it, which a change alone does not change.
func TestProcessManager_ClosesAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) { p.States[0].After = nil })
		began := time.Now()
		o.come("a placed")
		for _, c := range []struct {
			maxAge, want time.Duration
			come         string
		}{{time.Hour, 720 * time.Hour, ""}, {time.Hour, time.Hour, "a unknown"}, {2 * time.Hour, time.Hour, ""}} {
			o.stage.MaxAge.Set(c.maxAge)
			if c.come != "" {
				o.stage.Unexpected.Set("ignore")
				o.come(c.come)
			}
			all, _, err := o.stage.Groups("a", 1)
			if err != nil || len(all) != 1 || !all[0].ClosesAt.Equal(began.Add(c.want)) {
				t.Errorf("processes %+v, want one that closes after %v: %v", all, c.want, err)
			}
		}
		time.Sleep(90 * time.Minute) // it is looked at when it is due, and may be older by then
		if got := o.states(); got != "a paying" {
			t.Errorf("processes %s", got)
		}
		time.Sleep(time.Hour)
		if got := o.states(); got != "" {
			t.Errorf("processes %s", got)
		}
		o.shut()
	})
}

// A reply that nothing could take is replayed once the flow can take it, and does something once.
func TestProcessManager_ReplayedReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) { p.States[0].OnReply = p.States[0].OnReply[:1] })
		replay := func(m *eip.Message) (failed error) {
			t.Helper()
			settled := errors.New("not settled")
			if err := o.flow.Replay(m.Revived().Fork(func(err error) { settled = err }), func(err error) { failed = err }); err != nil {
				t.Error(err)
			}
			if synctest.Wait(); settled != nil {
				t.Error(settled)
			}
			return failed
		}
		o.come("a placed", "b placed", "c placed")
		a, b, c := o.take("payments"), o.take("payments"), o.take("payments")
		o.answer(a, `{"ok":false}`)
		o.answer(b, `{"ok":"yes"}`)
		o.refuse(c)
		refused, invalid, failed := o.take("dead"), o.take("invalid"), o.take("dead")
		for _, letter := range []*eip.Message{refused, invalid, failed} {
			if h := letter.Headers; h[header.Flow] != "f" || h[header.After] != "f.order" {
				t.Errorf("headers %v", h)
			}
			if err := replay(letter); err == nil {
				t.Error("it is taken as it was")
			}
		}
		refused, invalid, failed = o.take("dead"), o.take("invalid"), o.take("dead")
		if why := failed.Headers[header.Error]; why != `f.order: the reply is not expected: the process "c" is in the state "paying", which does not take it; the reply is the error failed: it does not say why` {
			t.Error(why)
		}
		o.change(func(p *routing.ProcessManager) {
			p.States[0].OnReply[0].If = o.when("string(body.ok) in ['true', 'yes']")
			p.States[0].OnReply = append(p.States[0].OnReply, &routing.ProcessReply{Label: "payment", ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}})
			p.States[0].OnError = []*routing.ProcessReply{{Label: "payment", If: o.when("headers['eip-error-code'] == 'failed'"), ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}}}
		})
		for range 2 { // the second time as a double
			for _, letter := range []*eip.Message{refused, invalid, failed} {
				if err := replay(letter); err != nil {
					t.Error(err)
				}
			}
		}
		if got := o.states(); got != "b shipping" {
			t.Errorf("processes %s", got)
		}
		if err := replay(refused.With(func(m *eip.Message) { m.CorrelationID = "x" + m.CorrelationID })); err == nil || err.Error() != "the reply answers no request" {
			t.Errorf("a forged one: %v", err)
		}
		o.take("dead")
		o.expect(wanted{"notes": "placed a | placed b | placed c", "shipping": "ship b", "release": "release a | release c", "cancelled": "cancelled a | cancelled c"})
		o.counts(counts{"duplicates": 3, "events": 3, "finished": 2, "undone": 2, "processes": 1, "in_shipping": 1, "→cancelled": 2})
		o.shut()
	})
}
