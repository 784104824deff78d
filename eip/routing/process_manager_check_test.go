package routing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func TestProcessManager_Validate(t *testing.T) {
	o := &office{T: t, post: &eiptest.Post{}}
	if err := o.usual().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, set := range map[string]func(p *routing.ProcessManager){
		"max_processes: there must be room for at least one process": func(p *routing.ProcessManager) { p.MaxProcesses.Set(0) },
		"max_age: 0s is no age":           func(p *routing.ProcessManager) { p.MaxAge.Set(0) },
		"patience: 0s is no time to wait": func(p *routing.ProcessManager) { p.Patience.Set(0) },
		"remember: -1ns is no time":       func(p *routing.ProcessManager) { p.Remember = -1 },
		"on placed: it does not say in which state the process begins; add goto":     func(p *routing.ProcessManager) { p.On[0].Goto = "" },
		`on placed: goto: there is no state "payin"; did you mean paying?`:           func(p *routing.ProcessManager) { p.On[0].Goto = "payin" },
		"on placed: undo_to: what begins a process has nothing to undo; write goto":  func(p *routing.ProcessManager) { p.On[0].Goto, p.On[0].UndoTo = "", "paying" },
		"state paying: on cancel: it goes to one state, by goto or by undo_to":       func(p *routing.ProcessManager) { p.States[0].On[0].Goto = "done" },
		`state paying: after "1 h" is no time like 500ms, 5s or 1h30m; a day is 24h`: func(p *routing.ProcessManager) { p.States[0].After[0].Label = "1 h" },
		`state paying: after "0s" is no time like 500ms, 5s or 1h30m; a day is 24h`:  func(p *routing.ProcessManager) { p.States[0].After[0].Label = "0s" },
		`state paying: after "600s" is as long as after "10m": write one of them`: func(p *routing.ProcessManager) {
			p.States[0].After = append(p.States[0].After, after("600s", routing.ProcessAction{})...)
		},
		"state paying: after 10m: it is never done: a process is given up before, by max_age, after 10m0s": func(p *routing.ProcessManager) { p.MaxAge.Set(10 * time.Minute) },
		"on placed: request payment: timeout: it is never over: a process is given up before, by max_age, after 1h0m0s": func(p *routing.ProcessManager) {
			p.MaxAge.Set(time.Hour)
			p.On[0].Request[0].Timeout = time.Hour
		},
		"state paying: on cancel: undo: request refund: timeout: it is never over: a process is given up before, by max_age, after 1h0m0s": func(p *routing.ProcessManager) {
			p.MaxAge.Set(time.Hour)
			p.States[0].On[0].Undo = &routing.ProcessUndo{Request: []*routing.ProcessRequest{{Label: "refund", To: p.On[0].Request[0].To, Timeout: time.Hour}}}
		},
		`its name has 256 bytes, more than 255`:                       func(p *routing.ProcessManager) { p.States[0].Label = strings.Repeat("s", 256) },
		`state shipping: the name "shipping" is taken`:                func(p *routing.ProcessManager) { p.States[0].Label = "shipping" },
		`state undoing: the name "undoing" is taken`:                  func(p *routing.ProcessManager) { p.States[1].Label = "undoing" },
		`final paying: the name "paying" is taken`:                    func(p *routing.ProcessManager) { p.Finals[0].Label = "paying" },
		"state lonely: no process comes into it: no goto leads there": func(p *routing.ProcessManager) { p.States = append(p.States, &routing.ProcessState{Label: "lonely"}) },
		"final lonely: no process comes into it: no goto leads there": func(p *routing.ProcessManager) { p.Finals = append(p.Finals, &routing.ProcessFinal{Label: "lonely"}) },
		"state shipping: no process that is in it ever ends":          func(p *routing.ProcessManager) { p.States[1].On = p.States[1].On[2:]; p.Finals = p.Finals[1:] },
		"state paying: on cancel: it is never tried: what stands before it takes all": func(p *routing.ProcessManager) {
			p.States[0].On = append([]*routing.ProcessEvent{{Label: "any"}}, p.States[0].On...)
		},
		"state paying: on_reply payment: it is never tried":                   func(p *routing.ProcessManager) { p.States[0].OnReply[0].If = routing.ProcessPredicate{} },
		"on placed: request payment: nobody would take its reply; write send": func(p *routing.ProcessManager) { p.On[0].Goto = "done" },
		`on placed: request payment: the state shipping has no on_reply "payment", nor an otherwise`: func(p *routing.ProcessManager) {
			p.On[0].Goto = "shipping"
			p.States[0].OnReply = nil
			p.States[1].On[2].Goto = "paying"
		},
		`state shipping: on_error payment: no request "payment" is made on the way into the state`: func(p *routing.ProcessManager) { p.States[1].OnError = p.States[0].OnReply },
		`state shipping: on_reply payment: no request "payment" is made on the way into the state`: func(p *routing.ProcessManager) { p.States[1].OnReply = p.States[0].OnReply },
		`state paying: on_timeout payment: no request "payment" with a timeout is made`: func(p *routing.ProcessManager) {
			p.States[0].OnTimeout = []*routing.ProcessTimeout{{Label: "payment"}}
		},
		`on placed: request payment: nothing is done at its timeout: the state paying has no on_timeout "payment", nor an after`: func(p *routing.ProcessManager) {
			p.On[0].Request[0].Timeout = 1
			p.States[0].After = nil
		},
		"on placed: request payment: to: it is one queue, whose service replies":       func(p *routing.ProcessManager) { p.On[0].Request[0].To[0].Handler = eip.Discard },
		"on placed: request payment: to: it is one queue":                              func(p *routing.ProcessManager) { p.On[0].Request[0].To[0].Name = "topic.payments" },
		"on placed: request payment: timeout: -1s is no time to wait":                  func(p *routing.ProcessManager) { p.On[0].Request[0].Timeout = -time.Second },
		"on placed: request payment: there are two of this name":                       func(p *routing.ProcessManager) { p.On[0].Request = append(p.On[0].Request, p.On[0].Request[0]) },
		"on placed: send: it does not say where to":                                    func(p *routing.ProcessManager) { p.On[0].Send[0].To = nil },
		"undo: request refund: nobody knows how long to wait for its reply":            func(p *routing.ProcessManager) { p.States[0].OnReply[0].Undo.Request[0].Timeout = 0 },
		"state paying: on cancel: undo_to: nothing has an undo; write goto":            func(p *routing.ProcessManager) { p.On[0].Undo, p.States[0].OnReply[0].Undo = nil, nil },
		`on placed: if: process has no member "stat"; it has age, data, in_state, key`: func(p *routing.ProcessManager) { p.On[0].If = o.when("process.stat == nil") },
		`on placed: set: process has no member "date"`:                                 func(p *routing.ProcessManager) { p.On[0].Set = o.set("x", "process.date") },
		`final cancelled: send: body: process has no member "x"`:                       func(p *routing.ProcessManager) { p.Finals[1].Send[0].Body = o.of("process.x") },
		`final cancelled: send: headers: process has no member "x"`:                    func(p *routing.ProcessManager) { p.Finals[1].Send[0].Headers = o.set("h", "process.x") },
	} {
		p := o.usual()
		set(p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// All that is wrong is said at once; not what only comes of it.
func TestProcessManager_ValidateSaysAll(t *testing.T) {
	o := &office{T: t, post: &eiptest.Post{}}
	p := o.usual()
	p.MaxAge.Set(0)
	p.Finals = append(p.Finals, &routing.ProcessFinal{Label: "paying"}, &routing.ProcessFinal{Label: "lonely"})
	p.On[0].Set = o.set("a", "process.x", "b", "process.y")
	p.On[0].Undo.Send[0].To = nil
	p.States[0].On[0].UndoTo = "canceled"
	p.States[0].OnReply[1].UndoTo = "nowhere"
	p.States[0].After[0].Label = "soon"
	want := `max_age: 0s is no age
state paying: after "soon" is no time like 500ms, 5s or 1h30m; a day is 24h
final paying: the name "paying" is taken
on placed: set: process has no member "x"; it has age, data, in_state, key, state, tries, version
on placed: set: process has no member "y"; it has age, data, in_state, key, state, tries, version
on placed: undo: send: it does not say where to
state paying: on cancel: undo_to: there is no state "canceled"; did you mean cancelled?
state paying: on_reply payment: undo_to: there is no state "nowhere"; there is cancelled, done, lonely, paying, shipping`
	if err := p.Validate(); err == nil || err.Error() != want {
		t.Errorf("it says %v\nwant %s", err, want)
	}
	p = o.usual()
	long := strings.Repeat("s", 256)
	p.States[1].Label, p.States[0].OnReply[0].Goto = long, long
	if err := p.Validate(); err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.HasSuffix(err.Error(), "its name has 256 bytes, more than 255") {
		t.Errorf("of a long name it says %v", err)
	}
	p = o.usual()
	p.States = append(p.States, &routing.ProcessState{Label: "lonely"}, &routing.ProcessState{Label: "lonelier"})
	want = "state lonely: no process comes into it: no goto leads there\nstate lonelier: no process comes into it: no goto leads there"
	if err := p.Validate(); err == nil || err.Error() != want {
		t.Errorf("it says %v\nwant %s", err, want)
	}
}
