package routing_test

import (
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

// lose brings an order so far that its payment is to be undone, and then its reservation.
func (o *office) lose() *eip.Message {
	o.come(`a placed {"total":5}`)
	o.answer(o.take("payments"), `{"ok":true,"id":7}`)
	o.come("a lost")
	return o.take("refunds")
}

// What is undone last was done first, and nothing is before what is undone first has its
// reply.
func TestProcessManager_Undo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		refund := o.lose()
		if string(refund.Body()) != "refund 7" || o.states() != "a undoing" {
			t.Errorf("%q in %s", refund.Body(), o.states())
		}
		o.come("a shipped 1", "a cancel 2") // which nothing takes meanwhile
		o.expect(wanted{"notes": "placed a", "shipping": "ship a", "dead": "1 | 2"})
		o.answer(refund, "")
		o.expect(wanted{"notes": "placed a", "shipping": "ship a", "dead": "1 | 2", "release": "release a", "cancelled": "cancelled a"})
		o.counts(counts{"started": 1, "events": 4, "unexpected": 2, "undone": 2, "finished": 1, "→cancelled": 1})
		o.shut()
	})
}

func TestProcessManager_UndoFails(t *testing.T) {
	for name, c := range map[string]struct {
		do  func(o *office, refund *eip.Message)
		why string
	}{
		"an error": {func(o *office, refund *eip.Message) {
			_ = o.post.SendTo(o.Context(), refund.ReplyTo, eiptest.Message("").WithHeaders(eip.Headers{header.ErrorCode: "failed", header.Error: "no money"}).With(func(m *eip.Message) {
				m.CorrelationID = refund.CorrelationID
			}))
		}, "the reply is the error failed: no money"},
		"no reply": {func(_ *office, _ *eip.Message) { time.Sleep(time.Minute) }, `the request "refund" has had no reply in its timeout`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, nil)
				refund := o.lose()
				c.do(o, refund)
				o.expect(wanted{"notes": "placed a", "shipping": "ship a",
					"dead": `{"data":{"paid":7,"total":5},"key":"a","left":[{"body":"refund 7","request":"refund","to":"queue.refunds"},{"body":"release a","to":"queue.release"}],"state":"undo_failed","undo_to":"cancelled","version":4}`})
				dead := o.take("dead")
				if text, _ := dead.Headers[header.Error].(string); !strings.HasSuffix(text, c.why) || dead.Headers[header.Group] != "a" {
					t.Errorf("headers %v", dead.Headers)
				}
				o.counts(counts{"started": 1, "events": 4, "undo_failed": 1, "processes": 1, "in_undo_failed": 1})
				o.answer(refund, "too late")
				if got := o.states(); got != "a undo_failed" {
					t.Errorf("processes %s", got)
				}

				// Somebody has mended it, and has it go on.
				if err := o.stage.Move(t.Context(), "a", "undoing"); err != nil {
					t.Error(err)
				}
				o.answer(o.take("refunds"), "")
				if got := o.states(); got != "" || o.sent("release") != "release a" || o.sent("cancelled") != "cancelled a" {
					t.Errorf("processes %q, sent %q and %q", got, o.sent("release"), o.sent("cancelled"))
				}
				o.shut()
			})
		})
	}
}

// What was to be undone at a place that the flow no longer has is left to people, as is what is
// more than can be kept.
func TestProcessManager_UndoThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		o.come(`a placed {"total":5}`)
		o.answer(o.take("payments"), `{"ok":true,"id":7}`)
		o.shut()
		usual := o.plan
		o.plan = func(o *office) *routing.ProcessManager {
			p := usual(o)
			p.On[0].Request, p.States[0].OnReply = nil, nil
			p.States[0].On = append(p.States[0].On, &routing.ProcessEvent{Label: "paid", ProcessAction: routing.ProcessAction{Goto: "shipping"}})
			return p
		}
		o.open()
		o.come("a lost")
		if got := o.states(); got != "a undo_failed" || !strings.Contains(o.sent("dead"), `"left":[{"body":"refund 7"`) {
			t.Errorf("processes %s, dead letters %s", got, o.sent("dead"))
		}
		o.shut()
		o.plan = usual
		o.open()
		synctest.Wait()
		if err := o.stage.Move(t.Context(), "a", "undoing"); err != nil || string(o.take("refunds").Body()) != "refund 7" {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		o.shut()
	})
	synctest.Test(t, func(t *testing.T) {
		const size = 100 << 10
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			much := routing.ProcessAction{Undo: &routing.ProcessUndo{Send: []*routing.ProcessSend{{To: o.to("release"), Body: o.of("repeat('x', 102400)")}}}}
			p.States[0].On = append(p.States[0].On, &routing.ProcessEvent{Label: "step", ProcessAction: much})
			p.States[0].After = append(p.States[0].After, after("1m", much)...)
		})
		o.come("a placed")
		for i := range 10 {
			o.come(fmt.Sprintf("a step %d", i))
		}
		if o.sent("dead") != "7 | 8 | 9" {
			t.Errorf("dead letters %s", o.sent("dead"))
		}
		time.Sleep(time.Minute)
		o.counts(counts{"started": 1, "events": 8, "failed_timers": 1, "processes": 1, "in_paying": 1})
		o.come("a cancel")
		if n := len(o.sent("release")); n != 7*size+6*len(" | ")+len(" | release a") {
			t.Errorf("%d bytes were sent", n)
		}
		o.shut()
	})
}

// What is undone was put down when it was done: steps the last first, and the messages of one
// step in their order.
func TestProcessManager_UndoInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			step := &routing.ProcessEvent{Label: "step", If: o.when("message.type == 'step'"), ProcessAction: routing.ProcessAction{Set: o.set("n", "body"),
				Undo: &routing.ProcessUndo{Send: []*routing.ProcessSend{{To: o.to("release"), Body: o.of("'first of ' + string(process.data.n)")}, {To: o.to("release"), Body: o.of("'second of ' + string(body)")}}}}}
			p.States[0].On = append(p.States[0].On, step)
		})
		o.come("a placed", "a step 1", "a step 2", "a cancel")
		o.expect(wanted{"notes": "placed a", "payments": `{"amount":0,"order":"a"}`, "release": "first of 2 | second of 2 | first of 1 | second of 1 | release a", "cancelled": "cancelled a"})
		o.counts(counts{"started": 1, "events": 4, "undone": 5, "finished": 1, "→cancelled": 1})
		o.shut()
	})
}
