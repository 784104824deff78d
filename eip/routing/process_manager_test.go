package routing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

type (
	wanted map[string]string
	counts map[string]int64
)

// placed is what is counted once an order has come and its payment is asked for.
func TestProcessManager(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*office, *routing.ProcessManager)
		do     func(*office)
		states string
		sent   wanted
		counts counts
	}{
		"an order that is paid and shipped": {do: func(o *office) {
			o.come(`a placed {"total":50}`)
			o.answer(o.take("payments"), `{"ok":true}`)
			o.come("a shipped")
		}, sent: wanted{"notes": "placed a", "shipping": "ship a"}, counts: counts{"started": 1, "events": 3, "finished": 1, "→done": 1}},
		"what is asked says what is known": {do: func(o *office) {
			o.come(`a placed {"total":50.10}`)
		}, states: "a paying", sent: wanted{"notes": "placed a", "payments": `{"amount":50.10,"order":"a"}`},
			counts: counts{"started": 1, "events": 1, "processes": 1, "in_paying": 1}},
		"orders beside each other": {do: func(o *office) {
			o.come("a placed", "b placed")
			a, b := o.take("payments"), o.take("payments")
			o.answer(b, `{"ok":true}`)
			o.answer(a, `{"ok":true}`)
			o.come("b shipped")
		}, states: "a shipping", sent: wanted{"notes": "placed a | placed b", "shipping": "ship b | ship a"},
			counts: counts{"started": 2, "events": 5, "finished": 1, "→done": 1, "processes": 1, "in_shipping": 1}},
		"the second of two replies that could": {do: func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":false}`)
		}, sent: wanted{"notes": "placed a", "release": "release a", "cancelled": "cancelled a"},
			counts: counts{"started": 1, "events": 2, "undone": 1, "finished": 1, "→cancelled": 1}},
		"a message twice": {do: func(o *office) {
			o.come("a placed", "a placed")
			o.answer(o.take("payments"), `{"ok":true}`)
			o.come("a shipped", "a shipped", "a placed")
		}, sent: wanted{"notes": "placed a", "shipping": "ship a"}, counts: counts{"started": 1, "events": 3, "duplicates": 3, "finished": 1, "→done": 1}},
		"a reply twice": {do: func(o *office) {
			o.come("a placed")
			request := o.take("payments")
			o.answer(request, `{"ok":true}`)
			o.answer(request, `{"ok":true}`)
			o.answer(request, `{"ok":false}`)
		}, states: "a shipping", sent: wanted{"notes": "placed a", "shipping": "ship a"},
			counts: counts{"started": 1, "events": 2, "duplicates": 2, "processes": 1, "in_shipping": 1}},
		"what no process takes": {do: func(o *office) { o.come("a shipped {}", "b placed", "b shipped {}") }, states: "b paying",
			sent:   wanted{"dead": "{} | {}", "notes": "placed b", "payments": `{"amount":0,"order":"b"}`},
			counts: counts{"started": 1, "events": 1, "unexpected": 2, "processes": 1, "in_paying": 1}},
		"what no process takes, ignored": {set: func(_ *office, p *routing.ProcessManager) { p.Unexpected.Set("ignore") },
			do: func(o *office) { o.come("a shipped", "b placed", "b shipped") }, states: "b paying",
			sent:   wanted{"notes": "placed b", "payments": `{"amount":0,"order":"b"}`},
			counts: counts{"started": 1, "events": 1, "unexpected": 2, "processes": 1, "in_paying": 1}},
		"a start that is late": {do: func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":false}`)
			o.put(ofOrder("a placed {}"))
			o.come("a cancel {}")
		}, sent: wanted{"notes": "placed a", "release": "release a", "cancelled": "cancelled a", "dead": "{}"},
			counts: counts{"started": 1, "events": 2, "undone": 1, "late": 1, "unexpected": 1, "finished": 1, "→cancelled": 1}},
		"a start after that is forgotten": {set: func(_ *office, p *routing.ProcessManager) { p.Remember = time.Hour }, do: func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":false}`)
			time.Sleep(time.Hour)
			o.come("a placed")
		}, states: "a paying", sent: wanted{"notes": "placed a | placed a", "release": "release a", "cancelled": "cancelled a", "payments": `{"amount":0,"order":"a"}`},
			counts: counts{"started": 2, "events": 3, "undone": 1, "finished": 1, "→cancelled": 1, "processes": 1, "in_paying": 1}},
		"keys that are none":       {do: func(o *office) { o.come(" placed []", strings.Repeat("x", 1025)+" placed 1") }, sent: wanted{"invalid": "[] | 1"}},
		"an expression that fails": {do: func(o *office) { o.come(`a placed {"total":1,`) }, sent: wanted{"invalid": `{"total":1,`}},
		"a reply that cannot be read": {do: func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), "no JSON")
		}, states: "a paying", sent: wanted{"notes": "placed a", "invalid": "no JSON"}, counts: counts{"started": 1, "events": 1, "processes": 1, "in_paying": 1}},
		"more than it may know": {do: func(o *office) { o.come(`a placed {"total":"` + strings.Repeat("x", 256<<10) + `"}`) },
			sent: wanted{"invalid": `{"total":"` + strings.Repeat("x", 256<<10) + `"}`}},
		"an end at once": {set: func(o *office, p *routing.ProcessManager) {
			p.On = append(p.On, &routing.ProcessEvent{Label: "gift", If: o.when("message.type == 'gift'"), ProcessAction: routing.ProcessAction{Goto: "done"}})
		}, do: func(o *office) { o.come("a gift", "a gift 2") }, counts: counts{"started": 1, "events": 1, "finished": 1, "→done": 1, "late": 1}},
		"what is sent as it is": {do: func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":true}`)
			o.come(`a note {"n":1}`)
		}, states: "a shipping", sent: wanted{"notes": `placed a | {"n":1}`, "shipping": "ship a"},
			counts: counts{"started": 1, "events": 3, "processes": 1, "in_shipping": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, c.set)
				c.do(o)
				if got := o.states(); got != c.states {
					t.Errorf("processes %q, want %q", got, c.states)
				}
				o.expect(c.sent)
				o.counts(c.counts)
				o.shut()
			})
		})
	}
}

// The otherwise of a state takes what nothing else there does, replies that it waits for
// included.
func TestProcessManager_Otherwise(t *testing.T) {
	plan := func(o *office, p *routing.ProcessManager) {
		p.States[0].Otherwise = &routing.ProcessAction{Send: []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'other ' + process.state")}}}
		p.States[0].OnReply = p.States[0].OnReply[:1]
	}
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, plan)
		o.come("a placed", "a odd")
		request := o.take("payments")
		o.answer(request, `{"ok":false}`)
		o.expect(wanted{"notes": "placed a | other paying | other paying"})
		o.come("b placed")
		o.come("b cancel")
		o.answer(o.take("payments"), `{"ok":true,"n":"late"}`) // the state has been left
		o.expect(wanted{"notes": "placed a | other paying | other paying | placed b", "release": "release b", "cancelled": "cancelled b", "dead": `{"ok":true,"n":"late"}`})
		o.shut()
	})
}

// An error reply is taken by on_error, or by otherwise, and never by on_reply, which would
// go on as if the service had done its work.
func TestProcessManager_ErrorReplies(t *testing.T) {
	anything := func(p *routing.ProcessManager) {
		p.States[0].OnReply = p.States[0].OnReply[:1]
		p.States[0].OnReply[0].If = routing.ProcessPredicate{}
	}
	onError := func(o *office, p *routing.ProcessManager) {
		p.States[0].OnError = []*routing.ProcessReply{
			{Label: "payment", If: o.when("headers['eip-error-code'] == 'invalid'"), ProcessAction: routing.ProcessAction{Goto: "cancelled"}},
			{Label: "payment", ProcessAction: routing.ProcessAction{
				Send:   []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("headers['eip-error']")}},
				UndoTo: "cancelled",
			}},
		}
	}
	for name, c := range map[string]struct {
		set  func(*office, *routing.ProcessManager)
		sent wanted
	}{
		"on_error": {set: onError, sent: wanted{"notes": "placed a | no money", "release": "release a", "cancelled": "cancelled a"}},
		"otherwise": {set: func(_ *office, p *routing.ProcessManager) {
			anything(p)
			p.States[0].Otherwise = &routing.ProcessAction{UndoTo: "cancelled"}
		}, sent: wanted{"notes": "placed a", "release": "release a", "cancelled": "cancelled a"}},
		"nothing": {set: func(_ *office, p *routing.ProcessManager) { anything(p) }, sent: wanted{"notes": "placed a", "dead": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, c.set)
				o.come("a placed")
				o.refuse(o.take("payments"))
				o.expect(c.sent)
				switch name {
				case "on_error":
					o.take("notes")
					if m := o.take("notes"); m.Headers[header.ErrorCode] != nil || m.Headers[header.Error] != nil {
						t.Errorf("what is made of an error reply is one: %v", m.Headers)
					}
				case "nothing":
					o.come("b placed")
					o.reply(o.take("payments"), eiptest.Message(`{"id":1}`).WithHeader(header.ErrorCode, int32(7)))
					if got := o.states(); got != "a paying, b paying" {
						t.Errorf("an error of another kind is none: %s", got)
					}
					o.come("b cancel")
					if why := fmt.Sprint(o.take("dead").Headers[header.Error]); o.states() != "a paying" || !strings.Contains(why, "the reply is the error failed: no money") {
						t.Errorf("processes %q, dead letter: %s", o.states(), why)
					}
				}
				o.shut()
			})
		})
	}
}

// What a message says of itself goes with it where it is sent as it is, and what concerns all
// that belongs together goes on in any case.
func TestProcessManager_Envelopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.On[0].Send = []*routing.ProcessSend{{To: o.to("notes")}, {To: append(o.to("shipping"), o.to("refunds")...), Body: o.of("'made'"),
				Headers: o.set("state", "process.state", "gone", "nil", "n", "process.data.total + 1")}}
		})
		o.put(ofOrder(`a placed {"total":1}`).WithHeader("gone", true).WithHeader(header.To, "queue.release").With(func(m *eip.Message) {
			m.CorrelationID, m.ReplyTo, m.Priority, m.Expiration = "corr", "back", 7, time.Hour
		}))
		asIs, made, too, request := o.take("notes"), o.take("shipping"), o.take("refunds"), o.take("payments")
		if asIs.Type != "placed" || asIs.ReplyTo != "back" || asIs.Expiration != time.Hour || asIs.Headers["gone"] != true || asIs.CorrelationID != "corr" {
			t.Errorf("as it is: %+v", asIs)
		}
		if made.Type != "" || made.ReplyTo != "" || made.CorrelationID != "corr" || made.Priority != 7 || made.Headers["state"] != "paying" || made.Headers["gone"] != nil || fmt.Sprint(made.Headers["n"]) != "2" {
			t.Errorf("made: %+v", made)
		}
		if ids := map[string]bool{asIs.ID: true, made.ID: true, too.ID: true, request.ID: true, "": true, `a placed {"total":1}`: true}; len(ids) != 6 {
			t.Errorf("identifiers %v", ids)
		}
		for _, m := range []*eip.Message{asIs, made, request} {
			if m.Headers[header.To] != nil || m.Headers["key"] != "a" {
				t.Errorf("headers %v", m.Headers)
			}
		}
		o.put(eiptest.Message(`{"ok":true,"id":1}`).WithHeader("other", 1)) // of no key
		o.answer(request, `{"ok":true}`)
		if shipped := o.take("shipping"); shipped.CorrelationID != "" || shipped.ReplyTo != "" {
			t.Errorf("the reply's own identifier went on: %+v", shipped)
		}
		o.shut()
	})
}

// A message that comes before its time waits until its process takes it, for some time.
func TestProcessManager_Wait(t *testing.T) {
	wait := func(_ *office, p *routing.ProcessManager) { p.Unexpected.Set("wait") }
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, wait)
		o.come("a shipped", "a placed")
		o.counts(counts{"started": 1, "events": 1, "unexpected": 1, "waiting": 1, "processes": 1, "in_paying": 1})
		o.come("a shipped") // once more
		o.answer(o.take("payments"), `{"ok":true}`)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a"})
		o.counts(counts{"started": 1, "events": 3, "unexpected": 1, "duplicates": 1, "finished": 1, "→done": 1})

		o.come(`b shipped "b"`)
		time.Sleep(59 * time.Second)
		o.come(`c shipped "c"`)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a"})
		time.Sleep(time.Second)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a", "dead": `"b"`})
		o.open2(func() { o.come("c placed") })
		o.answer(o.take("payments"), `{"ok":true}`)
		o.expect(wanted{"notes": "placed a | placed c", "shipping": "ship a | ship c", "dead": `"b"`})
		o.shut()
		if left := o.left(); left != "map[i:6 k:2]" {
			t.Errorf("there are still %s", left)
		}
	})
	t.Run("in their order, and those that fail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, wait)
			o.come(`a note {"n":1}`, `a note {"n":2}`, "a lost", `a note {"n":3}`, "a placed")
			o.answer(o.take("payments"), `{"ok":true,"id":5}`)
			o.expect(wanted{"notes": `placed a | {"n":1} | {"n":2}`, "shipping": "ship a", "refunds": "refund 5"})
			time.Sleep(time.Minute)
			o.shut()
		})
	})
	t.Run("no more than so many", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, wait)
			for i := range 103 {
				o.come(fmt.Sprintf("a shipped %d", i))
			}
			o.expect(wanted{"dead": "100 | 101 | 102"})
			large := strings.Repeat("x", 3<<20) // as an identifier, too
			o.come("b shipped 1"+large, "b shipped 2"+large, "b shipped 3"+large, "b shipped small")
			if dead := o.sent("dead"); dead != "100 | 101 | 102 | 3"+large {
				t.Errorf("dead are %d bytes", len(dead))
			}
			o.shut()
		})
	})
	t.Run("one that fails does not keep another from coming", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, func(o *office, p *routing.ProcessManager) {
				wait(o, p)
				p.States[1].On[0].If = o.when("body.really")
			})
			o.come(`a shipped "no object"`, "a placed")
			o.answer(o.take("payments"), `{"ok":true}`)
			o.expect(wanted{"notes": "placed a", "shipping": "ship a", "invalid": `"no object"`})
			o.counts(counts{"started": 1, "events": 2, "unexpected": 1, "processes": 1, "in_shipping": 1})
			o.come(`a shipped "no object"`) // a replay is no double
			o.counts(counts{"started": 1, "events": 2, "unexpected": 1, "processes": 1, "in_shipping": 1})
			o.shut()
		})
	})
}

// open2 restarts the flow, and has something done before nothing moves.
func (o *office) open2(do func()) {
	o.shut()
	o.open()
	do()
}

// No more processes than may be begin; the others' messages go on.
func TestProcessManager_Full(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) { p.MaxProcesses.Set(2) })
		o.come("a placed", "b placed", "c placed 3")
		time.Sleep(time.Minute)
		o.expect(wanted{"notes": "placed a | placed b", "payments": `{"amount":0,"order":"a"} | {"amount":0,"order":"b"}`, "dead": "3"})
		o.come("a cancel", "d placed")
		if got := o.states(); got != "b paying, d paying" {
			t.Errorf("processes %s", got)
		}
		o.shut()
	})
}

// Two messages at once that would both end a process: one does, and the other is not expected.
func TestProcessManager_TwoEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := many()
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) {
			p.Unexpected.Set("ignore")
			p.States[0].OnReply[0].Goto, p.States = "done", p.States[:1]
		})
		for i := range n {
			o.put(ofOrder(fmt.Sprintf("k%d placed", i)))
		}
		synctest.Wait()
		for i := range n {
			request := o.take("payments")
			if i%2 == 0 {
				o.put(ofOrder(request.Headers["key"].(string) + " cancel"))
			}
			go func() {
				_ = o.post.SendTo(context.Background(), request.ReplyTo, eiptest.Message(`{"ok":true}`).With(func(m *eip.Message) { m.CorrelationID = request.CorrelationID }))
			}()
			if i%2 == 1 {
				go o.put(ofOrder(request.Headers["key"].(string) + " cancel"))
			}
			synctest.Wait()
		}
		own := o.stage.Stats()
		shipped, _ := o.post.Channel("shipping").Waiting()
		cancelled, _ := o.post.Channel("cancelled").Waiting()
		if own.Counts["finished"] != int64(n) || own.Counts["unexpected"] != int64(n) || own.Branches["done"] != int64(len(shipped)) || own.Branches["cancelled"] != int64(len(cancelled)) || len(shipped)+len(cancelled) != n {
			t.Errorf("%v %v, %d shipped and %d cancelled", own.Counts, own.Branches, len(shipped), len(cancelled))
		}
		o.shut()
	})
}

// Test Messages have processes of their own, and what these send are Test Messages.
func TestProcessManager_TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		id := eip.NewID()
		o.put(ofOrder("a placed").WithHeader(header.Test, id))
		o.come("a placed {}")
		test, business := o.take("payments"), o.take("payments")
		if test.Headers[header.Test] != id || business.Headers[header.Test] != nil || o.take("notes").Headers[header.Test] != id {
			t.Errorf("headers %v and %v", test.Headers, business.Headers)
		}
		o.answer(test, `{"ok":true,"id":1}`) // which says nothing of a test
		if shipped := o.take("shipping"); shipped.Headers[header.Test] != id {
			t.Errorf("headers %v", shipped.Headers)
		}
		if got := o.states(); got != "a shipping, a paying" {
			t.Errorf("processes %s", got)
		}
		all, _, _ := o.stage.Groups("a", 9)
		if len(all) != 1 || all[0].State != "paying" || all[0].Test {
			t.Errorf("of the key there is %+v", all)
		}
		if n := o.stage.Stats().Counts["events"]; n != 1 {
			t.Errorf("%d events were counted, and one is of no test", n)
		}
		time.Sleep(10 * time.Minute)
		o.shut()
	})
}

func TestProcessManager_Contract(t *testing.T) {
	eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Contains, Sends: 1, New: func(target eip.Handler) eip.Stage {
		o := &office{T: t, post: &eiptest.Post{}}
		p := routing.NewProcessManager()
		p.Store = store.In(memory.New())
		p.Key = func(context.Context, *eip.Message) (any, error) { return "k", nil }
		p.On = []*routing.ProcessEvent{{Label: "any", ProcessAction: routing.ProcessAction{Goto: "done", Send: []*routing.ProcessSend{{To: []eip.Target{{Name: "target", Handler: target}}, Body: o.of("body")}}}}}
		p.Finals = []*routing.ProcessFinal{{Label: "done"}}
		return p
	}})
	eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Rejects, New: func(target eip.Handler) eip.Stage {
		p := (&office{T: t, post: &eiptest.Post{}}).usual()
		p.Store = store.In(memory.New())
		p.Key = func(context.Context, *eip.Message) (any, error) { return nil, eip.Invalid(errors.New("no key")) }
		return p
	}})
}
