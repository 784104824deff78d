package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// controlTopic is a topic that one stage listens to.
type controlTopic struct{ post *eiptest.Post }

func (c controlTopic) Handle(ctx context.Context, m *eip.Message) error {
	return c.post.Channel("inbox.control").Handle(ctx, m)
}

func (c controlTopic) Read(ctx context.Context) (eip.Inbox, error) {
	return c.post.Channel("control").Inbox(ctx, "control")
}

func newDynamicRouter(in store.Store, to eip.Handler) *routing.DynamicRouter {
	r := routing.NewDynamicRouter()
	r.Control, r.Store, r.Allow = controlTopic{&eiptest.Post{}}, store.In(in), targets(to, "queue.a", "queue.b", "queue.c")
	return r
}

// A registry is an open DynamicRouter in a bubble, and what its recipients got.
type registry struct {
	*testing.T
	*routing.DynamicRouter
	in  store.Store
	got []string
}

func withRegistry(t *testing.T, test func(r *registry)) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{T: t, in: memory.New()}
		r.open(func(*routing.DynamicRouter) {})
		test(r)
		r.close()
	})
}

func (r *registry) open(change func(*routing.DynamicRouter)) {
	r.Helper()
	r.DynamicRouter = newDynamicRouter(r.in, nil)
	for i, to := range r.Allow {
		r.Allow[i].Handler = eip.HandlerFunc(func(context.Context, *eip.Message) error {
			r.got = append(r.got, strings.TrimPrefix(to.Name, "queue."))
			return nil
		})
	}
	change(r.DynamicRouter)
	if err := errors.Join(r.Validate(), r.Open(r.Context(), eiptest.Env())); err != nil {
		r.Fatal(err)
	}
}

func (r *registry) close() {
	if err := r.Close(context.Background()); err != nil {
		r.Error(err)
	}
}

// tell sends bodies to the control topic.
func (r *registry) tell(bodies ...string) {
	r.Helper()
	for _, body := range bodies {
		eip.Deliver(r.Context(), r.Control, eiptest.Message(body).Fork(nil))
	}
	synctest.Wait()
}

// wants gives the router a message, which it sends to these, and to nobody else.
func (r *registry) wants(m *eip.Message, to ...string) {
	r.Helper()
	r.got = nil
	_, err := eiptest.Process(r.Context(), r.DynamicRouter, m)
	if !slices.Equal(r.got, to) || (err != nil) != (len(to) == 0) || err != nil && !eip.IsInvalid(err) {
		r.Errorf("sent to %q with %v, want %q", r.got, err, to)
	}
}

func (r *registry) counts(want map[string]int64) {
	r.Helper()
	got := maps.Clone(r.Stats().Counts)
	maps.DeleteFunc(got, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		r.Errorf("counted %v, want %v", got, want)
	}
}

func ruleOf(id, to, when string, priority int) string {
	rule := map[string]any{"id": id, "to": to, "priority": priority}
	if when != "" {
		rule["if"] = when
	}
	text, _ := json.Marshal(rule)
	return string(text)
}

func TestDynamicRouter_Contract(t *testing.T) {
	in := memory.New()
	synctest.Test(t, func(t *testing.T) {
		r := &registry{T: t, in: in}
		r.open(func(d *routing.DynamicRouter) { d.TTL = eip.LiveOf(time.Hour * 1000) })
		r.tell(ruleOf("a", "queue.a", "body.total > 1000", 0), ruleOf("b", "queue.b", "body.id == 7", 1), ruleOf("c", "queue.a", "", 0))
		r.close()
	})
	with := func(in store.Store, change func(*routing.DynamicRouter, eip.Handler)) func(eip.Handler) eip.Stage {
		return func(target eip.Handler) eip.Stage {
			r := newDynamicRouter(in, target)
			change(r, target)
			return r
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"one recipient":  {New: with(in, func(*routing.DynamicRouter, eip.Handler) {})},
		"all recipients": {Sends: 2, New: with(in, func(r *routing.DynamicRouter, _ eip.Handler) { r.First = eip.LiveOf(false) })},
		"nobody":         {Outcome: eiptest.Rejects, New: with(memory.New(), func(*routing.DynamicRouter, eip.Handler) {})},
		"otherwise":      {New: with(memory.New(), func(r *routing.DynamicRouter, to eip.Handler) { r.Otherwise.To = to })},
		"no JSON": {Outcome: eiptest.Rejects, New: with(in, func(*routing.DynamicRouter, eip.Handler) {}),
			Inputs: []*eip.Message{eiptest.Message("{").With(func(m *eip.Message) { m.ContentType = "application/json" })}},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// Rules are tried by their priority, and then by their ids. One takes the place of that of the
// same id, ends when it is not registered again, and outlasts a restart.
func TestDynamicRouter_Rules(t *testing.T) {
	withRegistry(t, func(r *registry) {
		m := eiptest.Message(`{"total": 5}`)
		r.wants(m)
		r.tell(ruleOf("2", "queue.b", "", 0), ruleOf("1", "queue.a", "", 0))
		r.wants(m, "a")
		r.tell(ruleOf("3", "queue.c", "", 5))
		r.wants(m, "c")
		r.First.Set(false)
		r.wants(m, "c", "a", "b")
		r.tell(ruleOf("2", "queue.a", "body.total > 5", 0))
		r.wants(m, "c", "a")
		time.Sleep(59 * time.Second)
		r.tell(ruleOf("1", "queue.a", "", 0))
		time.Sleep(time.Second)
		r.wants(m, "a")
		r.counts(map[string]int64{"registered": 5, "rules": 1, "queue.a": 4, "queue.b": 1, "queue.c": 3})

		r.close()
		time.Sleep(50 * time.Second)
		r.open(func(*routing.DynamicRouter) {})
		r.wants(m, "a")
		r.close()
		r.open(func(d *routing.DynamicRouter) { d.Allow = d.Allow[1:] }) // it is allowed no more
		r.wants(m)
		r.close()
		time.Sleep(9 * time.Second)
		r.open(func(*routing.DynamicRouter) {})
		r.wants(m)
	})
}

// Nothing that comes to the control topic does harm.
func TestDynamicRouter_Refuses(t *testing.T) {
	long := strings.Repeat("x", 1<<10)
	for name, body := range map[string]string{
		"no JSON":         "to: queue.a",
		"nothing":         "",
		"null":            "null",
		"a list":          `["queue.a"]`,
		"no id":           `{"to": "queue.a"}`,
		"a number as id":  `{"id": 7, "to": "queue.a"}`,
		"long id":         ruleOf(long, "queue.a", "", 0),
		"no to":           `{"id": "7"}`,
		"not allowed":     ruleOf("7", "queue.secret", "", 0),
		"several":         `{"id": "7", "to": ["queue.a", "queue.b"]}`,
		"no priority":     `{"id": "7", "to": "queue.a", "priority": 1.5}`,
		"large priority":  `{"id": "7", "to": "queue.a", "priority": 1e300}`,
		"an empty if":     `{"id": "7", "to": "queue.a", "if": ""}`,
		"a blank if":      `{"id": "7", "to": "queue.a", "if": " "}`,
		"a null if":       `{"id": "7", "to": "queue.a", "if": null}`,
		"a number as if":  `{"id": "7", "to": "queue.a", "if": 1}`,
		"a second if":     `{"id": "7", "to": "queue.a", "if": "body.a == 1", "if": ""}`,
		"an expression":   ruleOf("7", "queue.a", "len(body.items) > 1", 0),
		"or":              ruleOf("7", "queue.a", "body.a == 1 || true", 0),
		"a bare value":    ruleOf("7", "queue.a", "body.vip", 0),
		"two values":      ruleOf("7", "queue.a", "body.a == body.b", 0),
		"all headers":     ruleOf("7", "queue.a", "headers == nil", 0),
		"another member":  `{"id": "7", "to": "queue.a", "when": "body.a > 5"}`,
		"no such field":   ruleOf("7", "queue.a", "message.secret == 'x'", 0),
		"half":            ruleOf("7", "queue.a", "body.a == 1 &&", 0),
		"an open text":    ruleOf("7", "queue.a", "body.a == 'x", 0),
		"a long if":       ruleOf("7", "queue.a", "body.a == '"+long+"'", 0),
		"many":            ruleOf("7", "queue.a", strings.Repeat("body.a == 1 && ", 16)+"body.a == 1", 0),
		"a long message":  ruleOf("7", "queue.a", "", 0) + strings.Repeat(" ", 16<<10),
		"something after": ruleOf("7", "queue.a", "", 0) + "{}",
		"deep":            strings.Repeat("[", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			withRegistry(t, func(r *registry) {
				r.tell(body)
				r.counts(map[string]int64{"refused": 1})
				r.wants(eiptest.Message(`{"a": 1}`))
			})
		})
	}
}

func TestDynamicRouter_TestMessages(t *testing.T) {
	withRegistry(t, func(r *registry) {
		test := eiptest.Message(ruleOf("7", "queue.a", "", 0)).WithHeader(header.Test, "t").Fork(nil)
		eip.Deliver(r.Context(), r.Control, test)
		synctest.Wait()
		r.counts(map[string]int64{})
	})
}

// Of rules there are as many as may be, and no more until one has ended.
func TestDynamicRouter_MaxRules(t *testing.T) {
	withRegistry(t, func(r *registry) {
		r.MaxRules.Set(3)
		for i := range 10_000 {
			r.tell(ruleOf(fmt.Sprint(i), "queue.a", "", 0))
		}
		r.counts(map[string]int64{"registered": 3, "refused": 9997, "rules": 3})
		r.tell(ruleOf("0", "queue.b", "", 0)) // in its own place
		r.wants(eiptest.Message("x"), "b")
		time.Sleep(time.Minute)
		r.tell(ruleOf("11", "queue.c", "", 0))
		r.wants(eiptest.Message("x"), "c")
		r.counts(map[string]int64{"registered": 5, "refused": 9997, "rules": 1, "queue.b": 1, "queue.c": 1})
		space, err := r.in.Space("test.stage")
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		_ = space.View(func(tx store.Reader) error {
			for range tx.Due() {
				kept++
			}
			return nil
		})
		if kept != 1 {
			t.Errorf("the store keeps %d rules", kept)
		}
	})
}

// People see the rules, and can remove one.
func TestDynamicRouter_Groups(t *testing.T) {
	withRegistry(t, func(r *registry) {
		r.tell(ruleOf("a", "queue.a", "", 0), ruleOf("b", "queue.b", "body.total > 5", 2))
		all, more, err := r.Groups("", 10)
		if err != nil || more || len(all) != 2 || all[0].Key != "b" || all[0].About != "queue.b if body.total > 5, priority 2" || all[1].About != "queue.a" || !all[1].ClosesAt.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("it has %+v, %v, %v", all, more, err)
		}
		if one, more, err := r.Groups("", 1); len(one) != 1 || !more || err != nil {
			t.Errorf("the first is %+v, %v, %v", one, more, err)
		}
		if n, err := r.Forget(r.Context(), "b", func(saved []any) error {
			if text, _ := json.Marshal(saved); string(text) != `[{"id":"b","to":"queue.b","if":"body.total \u003e 5","priority":2}]` {
				t.Errorf("saved %s", text)
			}
			return nil
		}); n != 1 || err != nil {
			t.Errorf("removed %d, %v", n, err)
		}
		r.wants(eiptest.Message(`{"total": 6}`), "a")
		if _, err := r.Forget(r.Context(), "b", nil); !errors.Is(err, store.ErrNoGroup) {
			t.Errorf("once more: %v", err)
		}
		r.close()
		if _, _, err := r.Groups("", 1); !errors.Is(err, eip.ErrNotRunning) {
			t.Errorf("closed: %v", err)
		}
		r.open(func(*routing.DynamicRouter) {})
		r.wants(eiptest.Message(`{"total": 6}`), "a")
	})
}

func TestDynamicRouter_Options(t *testing.T) {
	for want, change := range map[string]func(*routing.DynamicRouter){
		"":          func(*routing.DynamicRouter) {},
		"control":   func(r *routing.DynamicRouter) { r.Control = eip.Discard },
		"allow":     func(r *routing.DynamicRouter) { r.Allow = nil },
		"ttl":       func(r *routing.DynamicRouter) { r.TTL.Set(0) },
		"max_rules": func(r *routing.DynamicRouter) { r.MaxRules.Set(10_001) },
	} {
		r := newDynamicRouter(memory.New(), eip.Discard)
		change(r)
		if err := r.Validate(); optionOf(err) != want {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestDynamicRouter_Comparisons(t *testing.T) {
	m := eiptest.Message(`{"n": 5, "big": 12345678901234567890, "f": 1.5, "text": "eu", "yes": true, "no": null, "in": {"a-b": {"c": "x"}}}`).
		WithHeaders(eip.Headers{"region": "eu", "small": int16(7), "large": uint64(1 << 63), "half": float32(0.5), "table": eip.Headers{"x": int64(1)}, header.Format: "v2"}).
		With(func(m *eip.Message) { m.Type, m.Priority = "OrderPlaced", 4 })
	for text, want := range map[string]bool{
		"body.n == 5": true, "body.n == 5.0": true, "body.n != 5": false, "body.n > 4.9": true, "body.n >= 5": true, "body.n < 5": false, "body.n <= 5": true, "body.n>4": true, "body.n == -5": false,
		"body.n == '5'": false, "body.n != '5'": true, "body.n > '4'": false, "body.n < 1e2": true,
		"body.big == 12345678901234567890": true, "body.big > 12345678901234567889": true, "body.f == 1.5": true,
		"body.text == 'eu'": true, `body.text == "eu"`: true, "body.text < 'ev'": true, "body.text == 'us'": false, "body.text > 1": false,
		"body.yes == true": true, "body.yes == false": false, "body.yes != false": true, "body.yes > false": false,
		"body.no == nil": true, "body.no >= nil": false, "body.missing == nil": true, "body.missing.deeper == nil": true, "body.missing > 1": false, "body.missing != 1": true, "body.missing == 1": false,
		"body.in['a-b'].c == 'x'": true, `body["in"]["a-b"]["c"] != 'x'`: false, "body.text.x == nil": true, "body == nil": false,
		"headers.region == 'eu'": true, "headers.small > 6": true, "headers.large == 9223372036854775808": true, "headers.half == 0.5": true, "headers.table.x == 1": true, "headers['eip-format'] == 'v2'": true, "headers.x == nil": true,
		"message.type == 'OrderPlaced'": true, "message.priority >= 4": true, "message.id == ''": true,
		"body.n == 5 && headers.region == 'eu'": true, "body.n == 5&&headers.region == 'us'": false, "body.text == 'a && b'": false, "  body.n   ==  5  ": true,
	} {
		withRegistry(t, func(r *registry) {
			r.tell(ruleOf("1", "queue.a", text, 0), ruleOf("2", "queue.b", "", -1))
			r.counts(map[string]int64{"registered": 2, "rules": 2})
			if want {
				r.wants(m, "a")
			} else {
				r.wants(m, "b")
			}
			if t.Failed() {
				t.Fatalf("of %s", text)
			}
		})
	}
}

// Whatever comes to the control topic, the router goes on.
func FuzzDynamicRouter(f *testing.F) {
	for _, body := range []string{ruleOf("1", "queue.a", "body.n == 5 && headers['x'] != \"y\"", 1), `{"id":"1"}`, `{"id":"1","to":"queue.b","if":"body['a'].b<-1.5e3"}`, "null"} {
		f.Add(body, `{"n": 5}`)
	}
	f.Fuzz(func(t *testing.T, rule, body string) {
		withRegistry(t, func(r *registry) {
			r.tell(rule)
			if c := r.Stats().Counts; c["registered"]+c["refused"] != 1 || c["rules"] != c["registered"] {
				t.Errorf("counted %v", c)
			}
			if _, err := eiptest.Process(r.Context(), r.DynamicRouter, eiptest.Message(body)); err != nil && !eip.IsInvalid(err) {
				t.Error(err)
			}
		})
	})
}
