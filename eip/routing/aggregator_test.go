package routing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func TestAggregator(t *testing.T) {
	for name, c := range map[string]struct {
		set                func(*routing.Aggregator)
		in                 []*eip.Message
		out, dead, invalid string
		keeps              bool // the flow is stopped, and groups stay
		counts             map[string]int64
	}{
		"by size": {set: func(a *routing.Aggregator) { a.Size.Set(2) }, in: parts("a", "1", "2", "3"),
			out: "[1,2] size | [3] end", counts: map[string]int64{"parts": 3, "opened": 2, "outputs": 2}},
		"each key for itself": {set: func(a *routing.Aggregator) { a.Size.Set(3) },
			in:  slices.Concat(parts("a", "1"), parts("b", `"x"`), parts("a", "2"), parts("b", `"y"`, `"z"`), parts("a", "3")),
			out: `["x","y","z"] size | [1,2,3] size`},
		"a sequence, shuffled": {set: func(a *routing.Aggregator) { a.Key = nil }, in: slices.Concat(sequence("s", 3, 3, 1), sequence("t", 2, 1), sequence("s", 3, 2)),
			out: "[1,2,3] complete | [1] end"},
		"a sequence whose size comes last": {set: func(a *routing.Aggregator) { a.Key = nil }, in: slices.Concat(sequence("s", 0, 1, 2), sequence("s", 3, 3)),
			out: "[1,2,3] complete"},
		"doubles": {set: func(a *routing.Aggregator) { a.Size.Set(3) }, in: parts("a", "1", "2", "1", "2", "3", "1", "3"),
			out: "[1,2,3] size", counts: map[string]int64{"duplicates": 4, "parts": 3}},
		"doubles without identifier": {set: func(a *routing.Aggregator) { a.Key = nil }, in: slices.Concat(sequence("s", 3, 1, 1, 2, 2, 3), sequence("s", 3, 3)),
			out: "[1,2,3] complete", counts: map[string]int64{"duplicates": 3}},
		"equal ones of different keys": {set: func(a *routing.Aggregator) { a.Size.Set(2); a.Part = valueOf(t, "body") }, in: slices.Concat(parts("a", "1"), parts("b", "1", "2"), parts("a", "2")),
			out: "[1,2] size | [1,2] size", counts: map[string]int64{"duplicates": 0}},
		"nothing to know them by": {set: func(a *routing.Aggregator) { a.Size.Set(2) }, in: []*eip.Message{eiptest.Message("1").WithHeader("key", "k").With(noID), eiptest.Message("1").WithHeader("key", "k").With(noID)},
			out: "[1,1] size", counts: map[string]int64{"unidentified": 2}},
		"complete by an expression": {set: func(a *routing.Aggregator) { see(t, &a.Complete, "group.count >= 2 && body.last == true") },
			in: parts("a", `{"last":true}`, `{"n":2}`, `{"last":true,"n":3}`), out: `[{"last":true},{"n":2},{"last":true,"n":3}] complete`},
		"complete by all parts": {set: func(a *routing.Aggregator) { see(t, &a.Complete, "sum(map(group.messages, #.body)) > 9") },
			in: parts("a", "4", "5", "6"), out: "[4,5,6] complete"},
		"a body": {set: func(a *routing.Aggregator) {
			a.Size.Set(2)
			see(t, &a.Body, `{"k": group.key, "n": group.count, "first": group.first.body, "last": group.last.message.id, "h": group.messages[1].headers.key, "by": group.closed_by, "miss": group.missing}`)
		}, in: parts("a", "1.50", `{"x":"é<"}`), out: `{"by":"size","first":1.50,"h":"a","k":"a","last":"a/{\"x\":\"é<\"}","miss":[],"n":2} size`},
		"what is missing": {set: func(a *routing.Aggregator) { a.Key = nil; see(t, &a.Body, "group.missing") }, in: sequence("s", 6, 2, 5), out: "[1,3,4,6] end"},
		"a fold": {set: func(a *routing.Aggregator) {
			a.Size.Set(3)
			see(t, &a.Fold, "value + body.n")
			a.Initial = valueOf(t, "100")
		}, in: parts("a", `{"n":1}`, `{"n":2}`, `{"n":3.5}`), out: "106.5 size"},
		"a fold with a body": {set: func(a *routing.Aggregator) {
			a.Size.Set(2)
			see(t, &a.Fold, `{"sum": (value?.sum ?? 0) + body, "max": max(value?.max ?? body, body)}`)
			see(t, &a.Body, `group.value.sum / group.count`)
		}, in: parts("a", "1", "2"), out: "1.5 size"},
		"a fold to text": {set: func(a *routing.Aggregator) {
			a.Size.Set(2)
			see(t, &a.Fold, `(value ?? "") + headers.key`)
		}, in: parts("a", "1", "2"), out: `"aa" size`},
		"a fold that fails": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Fold, "(value ?? 0) + body.n") }, in: parts("a", `{"n":1}`, `{"m":1}`, `{"n":2}`),
			out: "3 size", invalid: `{"m":1}`},
		"a value that grows": {set: func(a *routing.Aggregator) { a.Size.Set(9); see(t, &a.Fold, "repeat('x', 1100000 * body)") }, in: parts("a", "0", "1"), out: `"" end`, invalid: "1"},
		"too many bytes": {set: func(a *routing.Aggregator) { a.Bytes = 100 }, in: parts("a", `"`+strings.Repeat("x", 100)+`"`, "2"),
			out: `["` + strings.Repeat("x", 100) + `"] bytes | [2] end`},
		"too large to be kept": {set: func(a *routing.Aggregator) {
			a.Size.Set(2)
			a.Body.Of = func(context.Context, *routing.Group) (any, error) { return make([]byte, 1<<30+1), nil } // which nobody touches
		}, in: parts("a", "1", "2"), invalid: "1 | 2", counts: map[string]int64{"broken": 1}},
		"incomplete": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Complete, "false") }, in: parts("a", "1", "2"), dead: "[1,2] size"},
		"incomplete, released": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Complete, "false"); a.Incomplete = "release" },
			in: parts("a", "1", "2"), out: "[1,2] size"},
		"incomplete, discarded": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Complete, "false"); a.Incomplete = "discard" },
			in: parts("a", "1", "2"), counts: map[string]int64{"discarded": 1, "outputs": 0}},
		"late ones begin a new group": {set: func(a *routing.Aggregator) { a.Size.Set(2) }, in: parts("a", "1", "2", "3"), out: "[1,2] size | [3] end", counts: map[string]int64{"late": 1}},
		"late ones are discarded":     {set: func(a *routing.Aggregator) { a.Size.Set(2); a.Late = "discard" }, in: parts("a", "1", "2", "3"), out: "[1,2] size", counts: map[string]int64{"late": 1}},
		"late ones are dead letters":  {set: func(a *routing.Aggregator) { a.Size.Set(2); a.Late = "dead_letter" }, in: parts("a", "1", "2", "3"), out: "[1,2] size", dead: "3"},
		"nothing is remembered":       {set: func(a *routing.Aggregator) { a.Size.Set(2); a.Remember, a.Late = 0, "discard" }, in: parts("a", "1", "2", "1", "2"), out: "[1,2] size | [1,2] size"},
		"a body that fails": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Body, "group.first.body.n + 1") }, in: parts("a", `{"m":1}`, `"2"`, `{"n":1}`, "4"),
			out: "2 size", invalid: `{"m":1} | "2"`, counts: map[string]int64{"broken": 1}},
		"complete that fails": {set: func(a *routing.Aggregator) { see(t, &a.Complete, "body.n > 1") }, in: parts("a", `{"n":1}`, "5", `{"n":2}`),
			out: `[{"n":1},{"n":2}] complete`, invalid: "5"},
		"complete that is no boolean": {set: func(a *routing.Aggregator) { see(t, &a.Complete, "group.count") }, in: parts("a", "1"), invalid: "1"},
		"a part that is broken":       {set: func(a *routing.Aggregator) { a.Size.Set(2) }, in: slices.Concat(parts("a", "1"), []*eip.Message{broken()}, parts("a", "2")), out: "[1,2] size", invalid: "{"},
		"no key":                      {set: func(a *routing.Aggregator) { a.Size.Set(1) }, in: []*eip.Message{eiptest.Message("1")}, invalid: "1"},
		"an empty key":                {set: func(a *routing.Aggregator) { a.Size.Set(1) }, in: parts("", "1"), invalid: "1"},
		"no sequence":                 {set: func(a *routing.Aggregator) { a.Key = nil }, in: parts("a", "1"), invalid: "1"},
		"a key of several values": {set: func(a *routing.Aggregator) {
			a.Size.Set(2)
			a.Key = valueOf(t, `[body.a, 1]`)
			see(t, &a.Body, "group.key")
		}, in: parts("a", `{"a":"x"}`, `{"a":"y"}`, `{"a":"x","b":1}`), out: `["x",1] size | ["y",1] end`},
		"a long key": {set: func(a *routing.Aggregator) { a.Size.Set(2); see(t, &a.Body, "len(group.key)") },
			in: slices.Concat(parts(strings.Repeat("k", 100_000)+"1", "1"), parts(strings.Repeat("k", 100_000)+"2", "2"), parts(strings.Repeat("k", 100_000)+"1", "3")), out: "1025 size | 1025 end"},
		"the oldest makes room": {set: func(a *routing.Aggregator) { a.MaxGroups.Set(2); a.Full = "oldest" }, in: slices.Concat(parts("a", "1"), parts("b", "2"), parts("a", "3"), parts("c", "4")),
			out: "[1,3] full | [2] end | [4] end"},
		"one too many is a dead letter": {set: func(a *routing.Aggregator) { a.MaxGroups.Set(1); a.Full = "dead_letter" }, in: slices.Concat(parts("a", "1"), parts("b", "2"), parts("a", "3")),
			out: "[1,3] end", dead: "2"},
		"groups stay": {set: func(a *routing.Aggregator) {}, in: parts("a", "1"), keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New()
				a := aggregatorIn(t, s, c.set)
				g := gather(t, a)
				g.send(c.in...)
				g.end(c.keeps)
				if got := g.bodies("out"); got != c.out && sorted(got) != sorted(c.out) {
					t.Errorf("came out:\n%s\nwant\n%s", got, c.out)
				}
				if dead, invalid := g.bodies("dead"), g.bodies("invalid"); dead != c.dead || invalid != c.invalid {
					t.Errorf("dead letters: %s, want %s; invalid: %s, want %s", dead, c.dead, invalid, c.invalid)
				}
				own := a.Stats()
				for name, want := range c.counts {
					if own.Counts[name] != want {
						t.Errorf("%s is %d, want %d", name, own.Counts[name], want)
					}
				}
				if what := left(t, s); !c.keeps && strings.ContainsAny(what, "gopcx\x00") || c.keeps && !strings.Contains(what, `"g":1`) {
					t.Errorf("there is left %s", what)
				}
				for _, err := range g.settled {
					if err != nil {
						t.Errorf("a part settled with %v", err)
					}
				}
			})
		})
	}
}

func noID(m *eip.Message) { m.ID = "" }

func broken() *eip.Message {
	return parts("a", "{")[0].With(func(m *eip.Message) { m.ContentType = "application/json" })
}

// What is forgotten leaves nothing behind.
func TestAggregator_Forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		g := gather(t, aggregatorIn(t, s, func(a *routing.Aggregator) { a.Size.Set(2500) }))
		var bodies []string
		for i := range 2501 {
			bodies = append(bodies, fmt.Sprint(i))
		}
		g.send(parts("a", bodies...)...)
		g.send(parts("a", "17", "2400")...)
		if got := left(t, s); got != `{"g":1,"i":2501,"k":1,"n":1,"o":1,"p":1,"r":3}` {
			t.Errorf("of a closed group and an open one there is %s", got)
		}
		time.Sleep(59 * time.Minute)
		g.send(parts("a", "17")...)
		if got := len(strings.Split(g.bodies("out"), " | ")); got != 1 {
			t.Errorf("%d groups came out, want one", got)
		}
		time.Sleep(2 * time.Hour)
		g.send(parts("a", "17")...)
		g.end(true)
		if got := left(t, s); got != `{"g":1,"i":1,"n":1,"o":1,"p":1}` {
			t.Errorf("of what is forgotten, and a new group, there is %s", got)
		}
	})
}

func TestAggregator_Time(t *testing.T) {
	const s = time.Second
	type at struct {
		after time.Duration
		part  string
	}
	for name, c := range map[string]struct {
		set  func(*routing.Aggregator)
		in   []at
		want string // when what came out
	}{
		"timeout":                              {func(a *routing.Aggregator) { a.Timeout.Set(2 * s) }, []at{{0, "1"}, {s, "2"}}, "2s [1,2] timeout"},
		"idle_timeout":                         {func(a *routing.Aggregator) { a.IdleTimeout.Set(2 * s) }, []at{{0, "1"}, {s, "2"}}, "3s [1,2] idle"},
		"the sooner":                           {func(a *routing.Aggregator) { a.IdleTimeout.Set(2 * s); a.Timeout.Set(3 * s) }, []at{{0, "1"}, {s, "2"}, {s, "3"}, {500 * time.Millisecond, "4"}}, "3s [1,2,3,4] timeout"},
		"what comes at its end is of the next": {func(a *routing.Aggregator) { a.Timeout.Set(2 * s) }, []at{{0, "1"}, {2 * s, "2"}}, "2s [1] timeout; 4s [2] timeout"},
		"every minute":                         {func(a *routing.Aggregator) { a.Every = time.Minute }, []at{{10 * s, "1"}, {49 * s, "2"}, {2 * s, "3"}}, "1m0s [1,2] every; 2m0s [3] every"},
		"set later": {func(a *routing.Aggregator) {
			a.Timeout.Set(5 * s)
			go func() { time.Sleep(2500 * time.Millisecond); a.Timeout.Set(3 * s) }()
		}, []at{{0, "1"}, {2700 * time.Millisecond, "2"}}, "3s [1,2] timeout"},
		"set later to longer": {func(a *routing.Aggregator) {
			a.Timeout.Set(3 * s)
			go func() { time.Sleep(2 * s); a.Timeout.Set(5 * s) }()
		}, []at{{0, "1"}}, "5s [1] timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := aggregator(t, func(a *routing.Aggregator) {
					a.Timeout.Set(-1)
					c.set(a)
				})
				g := gather(t, a)
				began := time.Now()
				var came []string
				g.fails = func(m *eip.Message) error {
					came = append(came, fmt.Sprintf("%v %s %v", time.Since(began), m.Body(), m.Headers["eip-closed-by"]))
					return nil
				}
				for _, p := range c.in {
					time.Sleep(p.after)
					g.send(parts("a", p.part)...)
				}
				for a.Busy() {
					time.Sleep(s / 2)
					synctest.Wait()
				}
				g.end(true)
				if got := strings.Join(came, "; "); got != c.want {
					t.Errorf("came %s, want %s", got, c.want)
				}
			})
		})
	}
}

// Groups whose time passes while nothing runs are closed at the next start, once.
func TestAggregator_TimePassesWhileNothingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		with := func() *gatherer {
			return gather(t, aggregatorIn(t, s, func(a *routing.Aggregator) { a.Timeout.Set(5 * time.Second) }))
		}
		g := with()
		g.send(parts("a", "1")...)
		g.end(true)
		time.Sleep(10 * time.Second)
		g = with()
		synctest.Wait()
		if got := g.bodies("out"); got != "[1] timeout" {
			t.Errorf("came %q", got)
		}
		g.end(true)
		if got := left(t, s); strings.ContainsAny(got, "gop\x00") {
			t.Errorf("there is left %s", got)
		}
	})
}

// A part that waits for room lets those of open groups pass, and goes on when a group is
// closed.
func TestAggregator_WaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator(t, func(a *routing.Aggregator) {
			a.MaxGroups.Set(2)
			a.Size.Set(2)
		})
		g := gather(t, a)
		g.send(slices.Concat(parts("a", "1"), parts("b", "1"), parts("c", "1"), parts("d", "1"), parts("c", "2"))...)
		if n := a.Stats().Counts; n["waiting"] != 3 || n["groups"] != 2 {
			t.Errorf("%d wait, and %d groups are open", n["waiting"], n["groups"])
		}
		g.send(parts("a", "2")...)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := g.bodies("out"); got != "[1,2] size | [1,2] size" {
			t.Errorf("came %q", got)
		}
		g.send(slices.Concat(parts("b", "2"), parts("d", "2"))...)
		g.end(false)
		if got := g.bodies("out"); strings.Count(got, "[1,2] size") != 4 {
			t.Errorf("came %q", got)
		}
	})
}

// A part that waits belongs to a group that was opened after it came, by one that was under
// way before.
func TestAggregator_WaitsForNoRoomInAnOpenGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t, aggregator(t, func(a *routing.Aggregator) {
			a.MaxGroups.Set(1)
			a.Size.Set(2)
		}))
		first := parts("a", "1")[0].Fork(func(error) {})
		release := first.Hold()
		g.send(first)
		g.send(slices.Concat(parts("b", "1"), parts("a", "2"))...)
		release(nil)
		synctest.Wait()
		g.send(parts("b", "2")...)
		time.Sleep(time.Second)
		if got := g.bodies("out"); got != "[1,2] size | [1,2] size" {
			t.Errorf("came %q", got)
		}
		g.end(false)
	})
}

// At the end of the source nothing makes room but to close what is open.
func TestAggregator_WaitingEndsWithTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t, aggregator(t, func(a *routing.Aggregator) {
			a.MaxGroups.Set(1)
			a.Timeout.Set(-1)
		}))
		g.send(slices.Concat(parts("a", "1"), parts("b", "1"), parts("c", "1"), parts("b", "2"))...)
		g.end(false)
		if got := g.bodies("out"); got != "[1] end | [1,2] end | [1] end" {
			t.Errorf("came %q", got)
		}
	})
}

// A flow that stops does not wait for its grace because parts wait for room.
func TestAggregator_WaitingEndsWithTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t, aggregator(t, func(a *routing.Aggregator) { a.MaxGroups.Set(1) }))
		g.send(slices.Concat(parts("a", "1"), parts("b", "1"))...)
		began := time.Now()
		g.stop()
		<-g.done
		if time.Since(began) >= g.flow.Grace {
			t.Error("it took the whole grace")
		}
		if len(g.settled) != 2 || g.settled[0] != nil || g.settled[1] == nil {
			t.Errorf("settled with %v", g.settled)
		}
	})
}

// What all parts have is in what is made of them.
func TestAggregator_Output(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t, aggregator(t, func(a *routing.Aggregator) { a.Size.Set(2) }))
		all := parts("a", "1", "2")
		all[0] = all[0].WithHeaders(eip.Headers{"same": "x", "list": []any{1, "y"}, "other": 1, "one": true}).With(func(m *eip.Message) {
			m.CorrelationID, m.ReplyTo, m.Key, m.Priority, m.Type = "c1", "replies", "k", 3, "t"
		})
		all[1] = all[1].WithHeaders(eip.Headers{"same": "x", "list": []any{1, "y"}, "other": 2}).With(func(m *eip.Message) { m.CorrelationID, m.ReplyTo, m.Key = "c2", "replies", "l" })
		g.send(all...)
		g.end(true)
		m := g.got["out"][0]
		if got, want := fmt.Sprint(m.Headers), fmt.Sprint(eip.Headers{"same": "x", "list": []any{1, "y"}, "key": "a", "eip-group": "a", "eip-group-count": 2, "eip-closed-by": "size"}); got != want {
			t.Errorf("headers %s, want %s", got, want)
		}
		if m.CorrelationID != "c1" || m.ReplyTo != "replies" || m.Key != "" || m.Priority != 0 || m.ContentType != "application/json" || len(m.ID) != 32 {
			t.Errorf("%+v", m)
		}
	})
}

// What a whole is made of again is the part that the whole was.
func TestAggregator_OuterSequence(t *testing.T) {
	for name, c := range map[string]struct {
		outer [2]*eip.Sequence
		want  eip.Sequence
	}{
		"none":      {},
		"the same":  {[2]*eip.Sequence{{ID: "o", Number: 2, Size: 3}, {ID: "o", Number: 2, Size: 3}}, eip.Sequence{ID: "o", Number: 2, Size: 3}},
		"different": {[2]*eip.Sequence{{ID: "o", Number: 2, Size: 3}, {ID: "o", Number: 1, Size: 3}}, eip.Sequence{}},
		"one":       {[2]*eip.Sequence{{ID: "o", Number: 2, Size: 3}, nil}, eip.Sequence{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gather(t, aggregator(t, func(a *routing.Aggregator) { a.Key = nil }))
				for i, m := range sequence("s", 2, 1, 2) {
					g.send(m.With(func(m *eip.Message) { m.Sequence.Outer = c.outer[i] }))
				}
				g.end(true)
				if got := g.got["out"][0].Sequence; got != c.want {
					t.Errorf("it is %+v, want %+v", got, c.want)
				}
			})
		})
	}
}

// Parts that are tests are no parts of others' groups, and what they become is a test.
func TestAggregator_TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator(t, func(a *routing.Aggregator) { a.Size.Set(2) })
		g := gather(t, a)
		test := func(m *eip.Message, id string) *eip.Message { return m.WithHeader("eip-test", strings.Repeat(id, 32)) }
		all := parts("a", "1", "2", "3", "4", "5")
		g.send(all[0], test(all[1], "1"), test(all[2], "2"), test(all[3], "1"), all[4])
		g.end(true)
		if got := g.bodies("out"); got != "[2,4] size | [1,5] size" || !g.got["out"][0].IsTest() || g.got["out"][1].IsTest() {
			t.Errorf("came %s", got)
		}
		if n := a.Stats().Counts; n["parts"] != 2 || n["opened"] != 1 {
			t.Errorf("counts %v", n)
		}
	})
}

// A group's message that what follows does not take is a dead letter, and leaves nothing.
func TestAggregator_SinkFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		g := gather(t, aggregatorIn(t, s, func(a *routing.Aggregator) { a.Size.Set(1); a.Remember = 0 }))
		ids := map[string]bool{}
		g.fails = func(m *eip.Message) error { ids[m.ID] = true; return errors.New("no") }
		g.send(parts("a", "1")...)
		time.Sleep(time.Second)
		g.end(true)
		if g.bodies("dead") != "[1] size" || len(ids) != 1 || left(t, s) != `{"n":1}` {
			t.Errorf("dead letters %s, of %d identifiers, and there is left %s", g.bodies("dead"), len(ids), left(t, s))
		}
	})
}

func TestAggregator_Validate(t *testing.T) {
	for option, set := range map[string]func(*routing.Aggregator){
		"timeout":    func(a *routing.Aggregator) { a.Timeout.Set(0) },
		"size":       func(a *routing.Aggregator) { a.Size.Set(-1) },
		"bytes":      func(a *routing.Aggregator) { a.Bytes = 0 },
		"max_groups": func(a *routing.Aggregator) { a.MaxGroups.Set(0) },
		"initial":    func(a *routing.Aggregator) { a.Initial = valueOf(t, "1") },
		"body":       func(a *routing.Aggregator) { see(t, &a.Fold, "1"); see(t, &a.Body, "group.messages") },
		"complete":   func(a *routing.Aggregator) { see(t, &a.Fold, "1"); see(t, &a.Complete, "group.last != nil") },
		"fold":       func(a *routing.Aggregator) { see(t, &a.Fold, "group.cuont") },
	} {
		if err := aggregator(t, set).Validate(); optionOf(err) != option {
			t.Errorf("%s: %v", option, err)
		}
	}
	for _, reads := range []string{"value == 1", "group.value == 1"} { // without fold
		if err := aggregator(t, func(a *routing.Aggregator) { see(t, &a.Complete, reads) }).Validate(); optionOf(err) != "complete" {
			t.Errorf("%s: %v", reads, err)
		}
	}
	for _, set := range []func(*routing.Aggregator){
		func(a *routing.Aggregator) { a.Timeout.Set(-1) },
		func(a *routing.Aggregator) { a.Timeout.Set(0); a.Size.Set(1) },
		func(a *routing.Aggregator) { a.Timeout.Set(0); a.Every = 1 },
		func(a *routing.Aggregator) { see(t, &a.Fold, "1"); see(t, &a.Body, "group.value") },
	} {
		if err := aggregator(t, set).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestAggregator_Contract(t *testing.T) {
	in := parts("a", "1", "2", "3")
	eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Contains, Inputs: in, Sends: 1, New: func(eip.Handler) eip.Stage {
		return aggregator(t, func(a *routing.Aggregator) { a.Size.Set(3) })
	}})
}

// A function of a Go program sees a group as it is.
func ExampleAggregator() {
	a := routing.NewAggregator()
	a.Store = store.In(memory.New())
	a.Timeout.Set(time.Minute)
	a.Body.Of = func(_ context.Context, g *routing.Group) (any, error) {
		all, err := g.Messages()
		text := ""
		for _, m := range all {
			text += string(m.Body())
		}
		return text, err
	}
	var in list
	for i, body := range []string{"c", "a", "b"} {
		in = append(in, eip.New([]byte(body), nil).With(func(m *eip.Message) { m.Sequence = eip.Sequence{ID: "word", Number: []int{3, 1, 2}[i], Size: 3} }))
	}
	f := &eip.Flow{Name: "f", Source: &in, Stages: []eip.Stage{a}, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Println(string(m.Body()))
		return nil
	})}
	fmt.Println(f.Run(context.Background()))
	// Output:
	// abc
	// <nil>
}

// What was remembered in another way is refused, and not taken for nothing.
func TestAggregator_RefusesWhatItCannotRead(t *testing.T) {
	s := memory.New()
	space, err := s.Space("f.a")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Do(t.Context(), space, func(tx store.Tx) error {
		tx.Put("i0123456789abcdef=part", []byte("01234567"), time.Time{})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a := routing.NewAggregator()
	a.Store = store.In(s)
	a.Size.Set(2)
	env := eiptest.Env()
	env.Address = "f.a"
	env.Make = func(context.Context, *eip.Message) error { return nil }
	if err := a.Open(t.Context(), env); err == nil || !strings.Contains(err.Error(), "earlier version") {
		t.Errorf("it is opened with %v", err)
	}
}
