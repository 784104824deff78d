package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

func newNextStep(to eip.Handler) *routing.NextStep {
	return &routing.NextStep{Allow: targets(to, "queue.a", "queue.b", "queue.undo_a"), Secret: slipSecret}
}

func TestNextStep_Contract(t *testing.T) {
	on := func(route ...string) []*eip.Message {
		return []*eip.Message{slipped(t, eiptest.Message("x").With(func(m *eip.Message) { m.ID = "7" }), route...)}
	}
	stage := func(change func(*routing.NextStep, eip.Handler)) func(eip.Handler) eip.Stage {
		return func(target eip.Handler) eip.Stage {
			n := newNextStep(target)
			change(n, target)
			return n
		}
	}
	nothing := func(*routing.NextStep, eip.Handler) {}
	for name, c := range map[string]eiptest.StageCase{
		"goes on":         {Inputs: on("queue.b", "queue.a"), New: stage(nothing)},
		"with a result":   {Inputs: on("queue.a", "queue.b"), New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Result = value("r") })},
		"finishes":        {Inputs: on("queue.a"), Outcome: eiptest.Drops, New: stage(nothing)},
		"otherwise":       {Inputs: on("queue.a"), New: stage(func(n *routing.NextStep, to eip.Handler) { n.Otherwise.To = to })},
		"no slip":         {Inputs: []*eip.Message{eiptest.Message("x")}, Outcome: eiptest.Rejects, New: stage(nothing)},
		"another secret":  {Inputs: on("queue.a", "queue.b"), Outcome: eiptest.Rejects, New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Secret = "of all other stages" })},
		"not allowed":     {Inputs: on("queue.a", "queue.b"), Outcome: eiptest.Rejects, New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Allow = n.Allow[:1] })},
		"no result":       {Inputs: on("queue.a", "queue.b"), Outcome: eiptest.Rejects, New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Result = value(func() {}) })},
		"large result":    {Inputs: on("queue.a", "queue.b"), Outcome: eiptest.Rejects, New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Result = value(strings.Repeat("x", 32<<10)) })},
		"result for none": {Inputs: on("queue.b", "queue.a"), New: stage(func(n *routing.NextStep, _ eip.Handler) { n.Result = value(func() {}) })},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestNextStep_Options(t *testing.T) {
	for want, change := range map[string]func(*routing.NextStep){
		"":       func(*routing.NextStep) {},
		"allow":  func(n *routing.NextStep) { n.Allow = nil },
		"secret": func(n *routing.NextStep) { n.Secret = "" },
	} {
		n := newNextStep(eip.Discard)
		change(n)
		if err := n.Validate(); optionOf(err) != want {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// Nothing of a slip is believed that was not signed.
func TestNextStep_Forged(t *testing.T) {
	genuine := slipped(t, eiptest.Message("x").With(func(m *eip.Message) { m.ID = "7" }), "queue.a", "queue.b").Headers[header.Slip].(string)
	const unsigned, unread = "was not signed with this secret, or was changed", "cannot be read"
	for name, tt := range map[string]struct {
		slip any
		want string
	}{
		"genuine":           {genuine, ""},
		"another next step": {strings.Replace(genuine, `{"to":"queue.b"}`, `{"to":"queue.undo_a"}`, 1), unsigned},
		"another undo":      {strings.Replace(genuine, "queue.undo_a", "queue.b", 1), unsigned},
		"a step more":       {strings.Replace(genuine, `"done":[`, `"done":[{"to":"queue.b","undo":"queue.undo_a","result":"mine"}`, 1), unsigned},
		"turned":            {strings.Replace(genuine, `"done":[]`, `"done":[],"back":true`, 1), unsigned},
		"white space":       {strings.Replace(genuine, `"left":[`, `"left":[ `, 1), unsigned},
		"no signature":      {genuine[:strings.Index(genuine, `,"mac"`)] + "}", unsigned},
		"empty signature":   {genuine[:strings.Index(genuine, `,"mac"`)] + `,"mac":""}`, unsigned},
		"no base64":         {genuine[:strings.Index(genuine, `,"mac"`)] + `,"mac":"!"}`, unsigned},
		"a second slip":     {genuine[:len(genuine)-1] + `,"slip":{"left":[{"to":"queue.b"},{"to":"queue.b"}]}}`, unsigned},
		"no JSON":           {"queue.b", unread},
		"half":              {genuine[:len(genuine)/2], unread},
		"a list":            {[]any{"queue.b"}, unread},
		"a number":          {int64(7), unread},
		"bytes":             {[]byte(genuine), unread},
		"deep":              {strings.Repeat("[", 20_000), unread},
		"long":              {`{"slip":"` + strings.Repeat("x", 32<<10) + `"}`, unread},
		"empty":             {"", unread},
	} {
		t.Run(name, func(t *testing.T) {
			var sent eiptest.Recorder
			n := newNextStep(&sent)
			m := eiptest.Message("x").WithHeader(header.Slip, tt.slip)
			_, err := eiptest.Process(t.Context(), n, m)
			if tt.want == "" {
				if err != nil || len(sent.Messages()) != 1 {
					t.Errorf("got %v, sent %d", err, len(sent.Messages()))
				}
				return
			}
			if !eip.IsInvalid(err) || !strings.Contains(err.Error(), tt.want) || len(sent.Messages()) > 0 {
				t.Errorf("got %v, sent %d", err, len(sent.Messages()))
			}
			if to, what := n.Undo(m, errBusy); to != nil {
				t.Errorf("its failure would undo by %s", what)
			}
		})
	}
}

var errBusy = errors.New("busy")

// A trip is flows behind the channels a, b, c, undo_a and undo_b of a Post, which all end
// with next_step.
type trip struct {
	*testing.T
	eiptest.Post
	mu     sync.Mutex
	graves eiptest.Recorder                    // dead and invalid
	at     []string                            // where messages came, with their bodies
	fails  map[string]func(*eip.Message) error // by the channel
	flows  map[string]*eip.Flow
	steps  map[string]*routing.NextStep
	refuse map[string]error // of channels, when sent to
	leaves string           // the flow that leaves a message to its source
}

func newTrip(t *testing.T) *trip {
	r := &trip{T: t, fails: map[string]func(*eip.Message) error{}, flows: map[string]*eip.Flow{}, steps: map[string]*routing.NextStep{}, refuse: map[string]error{}}
	for _, name := range []string{"a", "b", "c", "undo_a", "undo_b"} {
		n := routing.NewNextStep()
		n.Allow, n.Secret, n.Result = r.allow(), slipSecret, func(_ context.Context, m *eip.Message) (any, error) { return name + " of " + m.ID, nil }
		r.steps[name] = n
		work := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			r.mu.Lock()
			r.at = append(r.at, name+" "+string(m.Body()))
			r.mu.Unlock()
			if fails := r.fails[name]; fails != nil {
				if err := fails(m); err != nil {
					return err
				}
			}
			return next.Handle(ctx, m)
		})
		r.flows[name] = &eip.Flow{Name: name, Source: r.Channel(name), DeadLetter: &r.graves, Retry: eip.Retry{Attempts: 3, Delay: time.Second},
			Stages: []eip.Stage{work, &eip.Named{Address: name + ".next_step", Stage: n}}}
	}
	return r
}

func (r *trip) allow() (all []eip.Target) {
	for _, name := range []string{"a", "b", "c", "undo_a", "undo_b"} {
		all = append(all, eip.Target{Name: name, Handler: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			r.mu.Lock()
			err := r.refuse[name]
			r.mu.Unlock()
			if err != nil {
				return err
			}
			return r.Channel(name).Handle(ctx, m)
		})})
	}
	return all
}

// run sends a message on its way, if there is one, and lets all flows work for some time.
func (r *trip) run(d time.Duration, route ...string) {
	ctx, stop := context.WithCancel(r.Context())
	ended := make(chan struct{})
	for name, f := range r.flows {
		go func() {
			if err := f.Run(ctx); (err != nil) != (name == r.leaves) {
				r.Errorf("the flow %s ended with %v", name, err)
			}
			ended <- struct{}{}
		}()
	}
	begin := &routing.RoutingSlip{Route: value(route), Allow: r.allow(), Secret: slipSecret, Undo: map[string]string{"a": "undo_a", "b": "undo_b"}}
	order := eiptest.Message("order").With(func(m *eip.Message) { m.ID = "7" }).WithHeader("customer", "ada")
	if len(route) > 0 {
		if _, err := eiptest.Process(r.Context(), begin, order); err != nil {
			r.Error(err)
		}
	}
	time.Sleep(d)
	synctest.Wait()
	stop()
	for range r.flows {
		<-ended
	}
}

func (r *trip) want(letters int, at ...string) {
	r.Helper()
	if !slices.Equal(r.at, at) {
		r.Errorf("was at %q, want %q", r.at, at)
	}
	if got := len(r.graves.Messages()); got != letters {
		r.Errorf("there are %d dead letters, want %d", got, letters)
	}
}

func (r *trip) counts(step string, want map[string]int64) {
	r.Helper()
	got := maps.Clone(r.steps[step].Stats().Counts)
	maps.DeleteFunc(got, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		r.Errorf("%s counted %v, want %v", step, got, want)
	}
}

func TestNextStep_GoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		var last eiptest.Recorder
		r.steps["a"].Otherwise.To = &last
		r.run(time.Second, "a", "b", "a")
		r.want(0, "a order", "b order", "a order")
		if got := last.Messages(); len(got) != 1 || got[0].ID != "7" || got[0].Headers[header.Slip] != nil || got[0].Headers["customer"] != "ada" {
			t.Errorf("at the end came %v", got)
		}
		r.counts("a", map[string]int64{"forwarded": 1, "finished": 1})
		r.counts("b", map[string]int64{"forwarded": 1})
	})
}

// What was done before a step fails for good is undone, last first, with the results of the
// steps and fresh attempts. The dead letter says so, and cannot be replayed.
func TestNextStep_Undo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		r.fails["c"] = func(*eip.Message) error { return errBusy }
		tries := 0
		r.fails["undo_b"] = func(*eip.Message) error {
			if tries++; tries < 3 {
				return errBusy
			}
			return nil
		}
		r.run(time.Minute, "a", "b", "c", "a")
		undoB := `undo_b "b of 7/2"`
		r.want(1, "a order", "b order", "c order", "c order", "c order", undoB, undoB, undoB, `undo_a "a of 7/1"`)
		letter := r.graves.Messages()[0]
		if letter.ID != "7/3" || letter.Headers[header.Undo] != "undo_b, undo_a" || letter.Headers[header.Slip] != nil || letter.Headers[header.Error] != "busy" || letter.Headers[header.Flow] != "c" || letter.Headers["customer"] != "ada" {
			t.Errorf("the dead letter is %s %v", letter.ID, letter.Headers)
		}
		r.counts("c", map[string]int64{"turned": 1})
		r.counts("undo_b", map[string]int64{"undone": 1})
		r.counts("undo_a", map[string]int64{"undone": 1})
		if err := r.flows["c"].Replay(letter.Revived().Fork(nil), nil); err == nil || !strings.Contains(err.Error(), "was undone") {
			t.Errorf("a replay of it gave %v", err)
		}
	})
}

// What was undone comes with the Message ID of its step, and with what the message had.
func TestNextStep_UndoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		var got *eip.Message
		r.fails["b"] = func(*eip.Message) error { return eip.Invalid(errBusy) }
		r.fails["undo_a"] = func(m *eip.Message) error { got = m; return nil }
		r.run(time.Second, "a", "b")
		r.want(1, "a order", "b order", `undo_a "a of 7/1"`)
		if got.ID != "7/1/undo" || got.ContentType != "application/json" || got.Headers["customer"] != "ada" {
			t.Errorf("it came as %+v", got)
		}
	})
}

// A step that cannot be undone is a dead letter that says what is left to undo; replayed, it
// goes on from there.
func TestNextStep_UndoFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		broken := true
		r.fails["c"] = func(*eip.Message) error { return errBusy }
		r.fails["undo_b"] = func(*eip.Message) error {
			if broken {
				return eip.Permanent(errBusy)
			}
			return nil
		}
		replayed := false
		r.graves.Err = func(m *eip.Message) error {
			if m.Headers[header.Flow] == "undo_b" && !replayed {
				replayed = true
				slip := fmt.Sprint(m.Headers[header.Slip])
				if !strings.Contains(slip, `"done":[{"to":"a","undo":"undo_a","result":"a of 7/1"},{"to":"b","undo":"undo_b","result":"b of 7/2"}],"back":true`) || m.Headers[header.Undo] != nil {
					t.Errorf("the dead letter is %v", m.Headers)
				}
				go func() {
					time.Sleep(time.Second)
					broken = false
					if err := r.flows["undo_b"].Replay(m.Revived().Fork(nil), nil); err != nil {
						t.Error(err)
					}
				}()
			}
			return nil
		}
		r.run(time.Minute, "a", "b", "c")
		undoB := `undo_b "b of 7/2"`
		r.want(2, "a order", "b order", "c order", "c order", "c order", undoB, undoB, `undo_a "a of 7/1"`)
	})
}

// Nothing is undone of a message whose step was done when it failed, or before which nothing
// was done that can be undone.
func TestNextStep_NothingToUndo(t *testing.T) {
	for name, tt := range map[string]struct {
		route  []string
		change func(*trip)
		at     []string
	}{
		"the first step":        {[]string{"a", "b"}, func(r *trip) { r.fails["a"] = func(*eip.Message) error { return eip.Permanent(errBusy) } }, []string{"a order"}},
		"no undo before":        {[]string{"c", "b"}, func(r *trip) { r.fails["b"] = func(*eip.Message) error { return eip.Permanent(errBusy) } }, []string{"c order", "b order"}},
		"the next is refused":   {[]string{"a", "b", "c"}, func(r *trip) { r.refuse["c"] = eip.Permanent(errBusy) }, []string{"a order", "b order"}},
		"no result":             {[]string{"a", "b", "c"}, func(r *trip) { r.steps["b"].Result = noMember }, []string{"a order", "b order"}},
		"the end is refused":    {[]string{"a", "b"}, func(r *trip) { r.steps["b"].Otherwise.To = eip.HandlerFunc(refuses) }, []string{"a order", "b order"}},
		"refused when it waits": {[]string{"a", "b"}, func(r *trip) { r.steps["b"].Otherwise.To = eip.HandlerFunc(refusesLater) }, []string{"a order", "b order"}},
		"it may be at the next": {[]string{"a", "b", "c"}, func(r *trip) {
			r.refuse["c"] = errBusy // as where the confirmation is lost
			r.fails["b"] = r.onlyFirst
		}, []string{"a order", "b order", "b order"}},
		"so behind many stages": {[]string{"a", "b", "c"}, func(r *trip) {
			r.refuse["c"] = errBusy
			r.fails["b"] = r.onlyFirst
			for i := range 64 {
				r.flows["b"].Stages = slices.Insert(r.flows["b"].Stages, 0, eip.Stage(&eip.Named{Address: fmt.Sprint("b.", i), Stage: eip.StageFunc(passes)}))
			}
		}, []string{"a order", "b order", "b order"}},
		"failed before it went": {[]string{"a", "b", "c"}, func(r *trip) {
			r.fails["b"] = func(m *eip.Message) error { m.Hold()(eip.Permanent(errBusy)); return nil }
		}, []string{"a order", "b order", "c order"}},
		"the undo not allowed": {[]string{"a", "b"}, func(r *trip) {
			r.steps["b"].Allow = r.steps["b"].Allow[:3]
			r.fails["b"] = func(*eip.Message) error { return eip.Permanent(errBusy) }
		}, []string{"a order", "b order"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTrip(t)
				tt.change(r)
				r.run(time.Minute, tt.route...)
				r.want(1, tt.at...)
				if letter := r.graves.Messages()[0]; letter.Headers[header.Slip] == nil || letter.Headers[header.Undo] != nil {
					t.Errorf("the dead letter is %v", letter.Headers)
				}
			})
		})
	}
}

// onlyFirst has the first attempt get through.
func (*trip) onlyFirst(m *eip.Message) error {
	if m.Attempt() == 1 {
		return nil
	}
	return eip.Permanent(errBusy)
}

func passes(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) }

func noMember(context.Context, *eip.Message) (any, error) { return nil, errNotThere }
func refuses(context.Context, *eip.Message) error         { return eip.Permanent(errBusy) }

func refusesLater(_ context.Context, m *eip.Message) error {
	release := m.Hold()
	go func() {
		time.Sleep(time.Second)
		release(eip.Permanent(errBusy))
	}()
	return nil
}

// A channel that undoes and does not take messages for a while is asked until it does. The
// dead letter is written once, and the flow says what is wrong.
func TestNextStep_UndoWaits(t *testing.T) {
	for name, refusal := range map[string]error{"away": errBusy, "refuses for good": eip.Permanent(errBusy)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTrip(t)
				r.refuse["undo_a"] = refusal
				r.fails["b"] = func(*eip.Message) error { return eip.Permanent(errBusy) }
				go func() {
					time.Sleep(10 * time.Minute)
					why, halted := r.flows["b"].DeadLetterTrouble()
					if why == nil || halted != eip.IsPermanent(refusal) {
						t.Errorf("the flow says %v, halted: %v", why, halted)
					}
					r.mu.Lock()
					defer r.mu.Unlock()
					delete(r.refuse, "undo_a")
				}()
				r.run(11*time.Minute, "a", "b")
				r.want(1, "a order", "b order", `undo_a "a of 7/1"`)
				if why, _ := r.flows["b"].DeadLetterTrouble(); why != nil {
					t.Errorf("at the end it says %v", why)
				}
			})
		})
	}
}

// A flow without dead letters has the message undone, too.
func TestNextStep_UndoWithoutDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		r.flows["b"].DeadLetter = nil
		r.fails["b"] = func(*eip.Message) error { return eip.Permanent(errBusy) }
		r.run(time.Minute, "a", "b")
		r.want(0, "a order", "b order", `undo_a "a of 7/1"`)
	})
}

// A slip that a flow stops before it has gone back is tried again by the next run.
func TestNextStep_UndoStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrip(t)
		r.refuse["undo_a"] = errBusy
		r.fails["b"] = func(*eip.Message) error { return eip.Permanent(errBusy) }
		r.flows["b"].Grace = time.Second
		r.leaves = "b"
		r.run(time.Minute, "a", "b")
		r.want(1, "a order", "b order")
		if bodies, taken := r.Channel("b").Waiting(); !slices.Equal(bodies, []string{"order"}) || taken != 0 {
			t.Errorf("its channel has %q, and %d in hand", bodies, taken)
		}
		r.refuse, r.leaves = nil, ""
		r.run(time.Minute)
		r.want(2, "a order", "b order", "b order", `undo_a "a of 7/1"`)
	})
}

// A message cannot expire any more once something was done that would have to be undone.
func TestNextStep_Expiration(t *testing.T) {
	for _, c := range []struct {
		route []string
		want  time.Duration // at the second step
	}{
		{[]string{"queue.a", "queue.b"}, 0},
		{[]string{"queue.b", "queue.a"}, time.Minute},
	} {
		m := slipped(t, eiptest.Message("x").With(func(m *eip.Message) { m.ID, m.Expiration = "7", time.Minute }), c.route...)
		if m.Expiration != time.Minute {
			t.Errorf("%v: before the first step %v", c.route, m.Expiration)
		}
		var sent eiptest.Recorder
		if _, err := eiptest.Process(t.Context(), newNextStep(&sent), m); err != nil {
			t.Fatal(err)
		}
		if got := sent.Messages()[0].Expiration; got != c.want {
			t.Errorf("%v: before the second step %v, want %v", c.route, got, c.want)
		}
	}
}
