package routing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

func after(d string, a routing.ProcessAction) []*routing.ProcessAfter {
	return []*routing.ProcessAfter{{Label: d, ProcessAction: a}}
}

// A time belongs to one entry into a state.
func TestProcessManager_After(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.States[0].After = append(after("10m", routing.ProcessAction{UndoTo: "cancelled"}), after("1m", routing.ProcessAction{
				Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'remind ' + process.key + ' after ' + string(process.in_state / 1000) + ' s'")}}})...)
			p.States[1].After = after("1h", routing.ProcessAction{Goto: "done"})
		})
		o.come("a placed")
		time.Sleep(time.Nanosecond)
		o.come("b placed")
		time.Sleep(time.Minute)
		o.expect(wanted{"notes": "placed a | placed b | remind a after 60 s | remind b after 60 s", "payments": `{"amount":0,"order":"a"} | {"amount":0,"order":"b"}`})
		o.answer(o.take("payments"), `{"ok":true}`)
		time.Sleep(9*time.Minute - 2)
		if got := o.states(); got != "a shipping, b paying" {
			t.Errorf("processes %s", got)
		}
		time.Sleep(3 * time.Nanosecond)
		if got := o.states(); got != "a shipping" {
			t.Errorf("processes %s", got)
		}
		time.Sleep(51 * time.Minute)
		o.expect(wanted{"notes": "placed a | placed b | remind a after 60 s | remind b after 60 s", "payments": `{"amount":0,"order":"b"}`, "shipping": "ship a", "release": "release b", "cancelled": "cancelled b"})
		o.counts(counts{"started": 2, "events": 7, "undone": 1, "finished": 2, "→done": 1, "→cancelled": 1})
		o.shut()
	})
}

// A reply in the last moment, or a little later: either it counts, or the time does.
func TestProcessManager_ReplyAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := many()
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.Unexpected.Set("ignore")
			p.States[0].After = after("1s", routing.ProcessAction{Goto: "cancelled"})
			p.States[0].OnReply[0].Goto = "done"
			p.States = p.States[:1]
		})
		for i := range n {
			o.put(ofOrder(fmt.Sprintf("k%d placed", i)))
		}
		synctest.Wait()
		time.Sleep(999 * time.Millisecond)
		for i := range n {
			request := o.take("payments")
			go func() {
				time.Sleep(time.Duration(i%3)*time.Millisecond - time.Duration(i)) // what take let pass
				_ = o.post.SendTo(context.Background(), request.ReplyTo, eiptest.Message(`{"ok":true}`).With(func(m *eip.Message) { m.CorrelationID = request.CorrelationID }))
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		own := o.stage.Stats()
		shipped, _ := o.post.Channel("shipping").Waiting()
		cancelled, _ := o.post.Channel("cancelled").Waiting()
		if len(shipped)+len(cancelled) != n || own.Counts["finished"] != int64(n) || own.Branches["done"] != int64(len(shipped)) || own.Counts["unexpected"] != int64(len(cancelled)) || len(shipped) < n/3 || len(cancelled) < n/4 {
			t.Errorf("%d shipped, %d cancelled: %v %v", len(shipped), len(cancelled), own.Counts, own.Branches)
		}
		o.shut()
	})
}

// Another entry into a state begins its times anew, and counts how often that was tried.
func TestProcessManager_Tries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			again := p.On[0].Request
			p.On[0].Request[0].Timeout = time.Minute
			p.States[0].OnTimeout = []*routing.ProcessTimeout{{Label: "payment", ProcessAction: routing.ProcessAction{Goto: "paying", Request: again,
				Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'try ' + string(process.tries)")}}}}}
			p.States[0].After = after("90s", routing.ProcessAction{Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'never'")}}})
		})
		o.come("a placed")
		time.Sleep(2 * time.Minute)
		o.expect(wanted{"notes": "placed a | try 2 | try 3", "payments": `{"amount":0,"order":"a"} | {"amount":0,"order":"a"} | {"amount":0,"order":"a"}`})
		first, second := o.take("payments"), o.take("payments")
		o.answer(first, `{"ok":true,"n":1}`)
		o.answer(second, `{"ok":true,"n":2}`)
		o.answer(o.take("payments"), `{"ok":true,"n":3}`)
		o.expect(wanted{"notes": "placed a | try 2 | try 3", "shipping": "ship a", "dead": `{"ok":true,"n":1} | {"ok":true,"n":2}`})
		o.counts(counts{"started": 1, "events": 4, "unexpected": 2, "processes": 1, "in_shipping": 1})
		time.Sleep(time.Hour)
		o.shut()
	})
}

// A time whose expression fails is told once. The process stays as it is.
func TestProcessManager_TimeThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.States[0].After = after("1s", routing.ProcessAction{Set: o.set("x", "process.data.total.none.at.all"), Goto: "cancelled"})
		})
		o.come(`a placed {"total":5}`)
		time.Sleep(time.Hour)
		o.expect(wanted{"notes": "placed a", "payments": `{"amount":5,"order":"a"}`, "invalid": `{"data":{"total":5},"key":"a","state":"paying","version":1}`})
		o.counts(counts{"started": 1, "events": 1, "failed_timers": 1, "processes": 1, "in_paying": 1})
		o.answer(o.take("payments"), `{"ok":true}`)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a", "invalid": `{"data":{"total":5},"key":"a","state":"paying","version":1}`})
		o.shut()
	})
}

// Headers that no store takes are a time, or a waiting message, that fails; the rest goes on.
func TestProcessManager_HeadersThatCannotBeKept(t *testing.T) {
	deep := strings.Repeat("[", 600) + strings.Repeat("]", 600)
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.Unexpected.Set("wait")
			p.On[0].Set = o.set("x", "body.x")
			p.On[0].Request[0].Body = o.of("'pay'")
			p.States[0].After = after("1s", routing.ProcessAction{Goto: "cancelled", Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'after'"), Headers: o.set("x", "process.data.x")}}})
			p.States[1].On[2].Send[0].Headers = o.set("x", "body.x")
		})
		o.come(`a placed {"x":` + deep + `}`)
		o.expect(wanted{"notes": "placed a", "payments": "pay"})
		time.Sleep(30 * time.Second)
		o.counts(counts{"started": 1, "events": 1, "failed_timers": 1, "processes": 1, "in_paying": 1})
		o.take("dead")

		note := `{"x":` + deep + `}`
		o.come("a note "+note, `a note {"x":1}`)
		o.answer(o.take("payments"), `{"ok":true}`)
		o.expect(wanted{"notes": `placed a | {"x":1}`, "shipping": "ship a", "dead": note})
		if got := o.states(); got != "a shipping" {
			t.Errorf("processes %s", got)
		}
		o.shut()
	})
}

// A process that is too old is given up, and what it knows becomes a dead letter.
func TestProcessManager_MaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) { p.MaxAge.Set(time.Hour) })
		o.come(`a placed {"total":5}`)
		o.answer(o.take("payments"), `{"ok":true,"id":7}`)
		time.Sleep(time.Hour)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a", "dead": `{"data":{"paid":7,"total":5},"key":"a","left":[{"body":"refund 7","request":"refund","to":"queue.refunds"},{"body":"release a","to":"queue.release"}],"state":"shipping","version":2}`})
		dead := o.take("dead")
		if dead.Headers[header.Error] != `f.order: the process "a" is older than max_age, 1h0m0s, and is given up in the state "shipping"` || dead.Headers[header.Group] != "a" {
			t.Errorf("headers %v", dead.Headers)
		}
		o.counts(counts{"started": 1, "events": 2, "expired": 1})
		// It has a key, and yet is no message.
		var failed error
		if err := o.flow.Replay(dead.Revived().WithHeader("key", "a").With(func(m *eip.Message) { m.Type = "placed" }).Fork(nil), func(err error) { failed = err }); err != nil {
			t.Error(err)
		}
		if got := o.states(); failed == nil || got != "" {
			t.Errorf("replayed: %v, processes %q", failed, got)
		}
		o.shut()
	})
}

// What a time was to do while nothing ran is done at the next start.
func TestProcessManager_TimeOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		o.come("a placed")
		time.Sleep(time.Nanosecond)
		o.come("b placed")
		o.shut()
		time.Sleep(time.Hour)
		o.open()
		o.expect(wanted{"notes": "placed a | placed b", "release": "release a | release b", "cancelled": "cancelled a | cancelled b", "payments": `{"amount":0,"order":"a"} | {"amount":0,"order":"b"}`})
		o.shut()
	})
}

// The source's end waits for times, but not for the age, nor for a reply that may not come.
func TestProcessManager_Finish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) { p.States[1].After = nil })
		began := time.Now()
		o.come("a placed", "b placed")
		o.answer(o.take("payments"), `{"ok":true}`)
		if !o.stage.Busy() {
			t.Error("not busy while a time is to come")
		}
		if err := o.stage.Finish(t.Context()); err != nil || time.Since(began).Round(time.Second) != 10*time.Minute {
			t.Errorf("finished after %v: %v", time.Since(began), err)
		}
		if got := o.states(); got != "a shipping" || o.stage.Busy() {
			t.Errorf("processes %s, busy %v", got, o.stage.Busy())
		}
		o.shut()
	})
}
