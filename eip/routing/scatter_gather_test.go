package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

// world is a topic with workers, and a queue that a stage can read.
type world struct {
	eiptest.Post
	work *eiptest.PostChannel
}

// known is a queue of replies that workers know.
type known struct {
	*eiptest.PostChannel
}

func (k known) Read(context.Context) (eip.Inbox, error) { return knownInbox(k), nil }

type knownInbox struct{ *eiptest.PostChannel }

func (knownInbox) Address() string           { return "known" }
func (knownInbox) Answers(*eip.Message) bool { return false }
func (i knownInbox) SendTo(ctx context.Context, _ string, m *eip.Message) error {
	return i.Handle(ctx, m)
}
func (knownInbox) Close() error { return nil }

func textOf(name string) eip.Text {
	return func(_ context.Context, m *eip.Message) (string, error) {
		text, ok := m.Headers[name].(string)
		if !ok {
			return "", errNotThere
		}
		return text, nil
	}
}

// seen gives what an expression sees as replies and missing.
func seen(_ context.Context, m, reply *eip.Message) (any, error) {
	var v any
	err := json.Unmarshal(reply.Body(), &v)
	return map[string]any{"body": string(m.Body()), "saw": v}, err
}

// A said is one reply of a worker: when, and how it differs from a good one.
type said struct {
	after  time.Duration
	worker string
	change func(*eip.Message) *eip.Message
}

func TestScatterGather_Workers(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		says   []said
		set    func(*routing.ScatterGather)
		took   time.Duration
		from   string // who is in the result, in order
		counts map[string]int64
		fails  string
	}{
		"all": {says: []said{{10 * ms, "b", nil}, {20 * ms, "a", nil}}, took: 20 * ms, from: "b a", counts: map[string]int64{"answered": 2}},
		"one doubles, one is silent": {says: []said{{10 * ms, "a", nil}, {20 * ms, "a", nil}}, took: time.Second, from: "a",
			counts: map[string]int64{"answered": 1, "doubled": 1, "missing": 1}},
		"one is late": {says: []said{{10 * ms, "a", nil}, {2 * time.Second, "b", nil}}, took: time.Second, from: "a",
			counts: map[string]int64{"answered": 1, "missing": 1, "late": 1}},
		"nobody answers": {took: time.Second, counts: map[string]int64{"missing": 2}},
		"must be complete": {says: []said{{10 * ms, "a", nil}}, set: func(s *routing.ScatterGather) { s.Incomplete = routing.Fail }, took: time.Second,
			counts: map[string]int64{"answered": 1, "missing": 1}, fails: "1 of the replies did not come within 1s: b"},
		"as many as are expected": {says: []said{{10 * ms, "x", nil}, {20 * ms, "y", nil}, {30 * ms, "z", nil}}, took: 20 * ms, from: "x y",
			set: func(s *routing.ScatterGather) { s.Expect = int64(2) }, counts: map[string]int64{"answered": 2, "late": 1}},
		"until it is quiet": {says: []said{{50 * ms, "x", nil}, {90 * ms, "y", nil}, {900 * ms, "z", nil}}, took: 190 * ms, from: "x y",
			set: func(s *routing.ScatterGather) { s.Expect, s.Quiet = nil, 100*ms }, counts: map[string]int64{"answered": 2, "late": 1}},
		"as an expression says": {says: []said{{50 * ms, "x", nil}, {90 * ms, "y", nil}}, took: 90 * ms, from: "x y",
			set: func(s *routing.ScatterGather) {
				s.Expect = nil
				s.Complete = func(_ context.Context, _, r *eip.Message) (any, error) {
					return strings.Count(string(r.Body()), "from") == 2, nil
				}
			}, counts: map[string]int64{"answered": 2}},
		"a reply to another request": {says: []said{{10 * ms, "a", func(m *eip.Message) *eip.Message { return m.WithHeader("request_id", "other") }}, {20 * ms, "a", nil}, {30 * ms, "b", nil}},
			took: 30 * ms, from: "a b", counts: map[string]int64{"answered": 2, "late": 1}},
		"a reply from nobody, and one that is no JSON": {says: []said{{10 * ms, "a", func(m *eip.Message) *eip.Message { return m.Without("worker") }},
			{20 * ms, "a", func(m *eip.Message) *eip.Message {
				return m.WithBody([]byte("{")).With(func(m *eip.Message) { m.ContentType = "application/json" })
			}}, {30 * ms, "a", nil}, {40 * ms, "b", nil}}, took: 40 * ms, from: "a b", counts: map[string]int64{"answered": 2, "unread": 2}},
		"more than memory takes": {says: []said{{10 * ms, "a", func(m *eip.Message) *eip.Message { return m.WithBody(make([]byte, 65<<20)) }}}, took: 10 * ms,
			counts: map[string]int64{}, fails: "too much memory"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w world
				w.work = w.Channel("work")
				s := routing.NewScatterGather()
				s.To = []eip.Target{{Name: "topic.work", Handler: w.work}}
				s.ReplyTo, s.Correlate, s.Who, s.Timeout = known{w.Channel("known")}, "headers.request_id", textOf("worker"), time.Second
				s.Expect, s.Body = []any{"a", "b"}, seen
				if c.set != nil {
					c.set(s)
				}
				if err := errors.Join(s.Validate(), s.Open(t.Context(), eiptest.Env())); err != nil {
					t.Fatal(err)
				}
				go func() {
					job, _ := w.work.Receive(t.Context())
					for _, r := range c.says {
						reply := eip.New([]byte(`"did it"`), nil).WithHeaders(eip.Headers{"request_id": job.Headers["request_id"], "worker": r.worker})
						if r.change != nil {
							reply = r.change(reply)
						}
						time.AfterFunc(r.after, func() { eip.Deliver(context.Background(), w.Channel("known"), reply) })
					}
					eip.Deliver(t.Context(), eip.Discard, job)
				}()
				began := time.Now()
				passed, err := eiptest.Process(t.Context(), s, eiptest.Message("job"))
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				if c.fails != "" {
					if err == nil || !strings.Contains(err.Error(), c.fails) || len(passed) > 0 {
						t.Errorf("it gave %v, %v; want %q", passed, err, c.fails)
					}
				} else if err != nil || len(passed) != 1 {
					t.Fatalf("it passed %v: %v", passed, err)
				} else {
					gathered(t, passed[0].Body(), c.from)
				}
				time.Sleep(3 * time.Second)
				synctest.Wait()
				want := map[string]int64{"asked": 1, "answered": 0, "doubled": 0, "late": 0, "missing": 0, "unread": 0}
				maps.Copy(want, c.counts)
				if got := s.Stats().Counts; !maps.Equal(got, want) {
					t.Errorf("counts %v, want %v", got, want)
				}
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// gathered checks who is in the replies, and that nobody is both there and missing.
func gathered(t *testing.T, body []byte, from string) {
	t.Helper()
	var got struct {
		Saw struct {
			Replies []struct {
				From string
				Body string
			}
			Missing []string
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range got.Saw.Replies {
		names = append(names, r.From)
		if r.Body != "did it" {
			t.Errorf("the reply of %s is %q", r.From, r.Body)
		}
	}
	if all := strings.Join(names, " "); all != from {
		t.Errorf("replies from %q, want %q", all, from)
	}
	for _, m := range got.Saw.Missing {
		if strings.Contains(from, m) {
			t.Errorf("%s has answered, and is missing", m)
		}
	}
}

// Of several queues each is asked, and its answer is known by the queue.
func TestScatterGather_Queues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post eiptest.Post
		s := routing.NewScatterGather()
		s.To = []eip.Target{{Name: "queue.a", Handler: post.Channel("a")}, {Name: "queue.b", Handler: post.Channel("b")}}
		if err := errors.Join(s.Validate(), s.Open(t.Context(), eiptest.Env())); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			go func() {
				m, _ := post.Channel(name).Receive(t.Context())
				eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					return m.Reply(ctx, m.WithBody([]byte(`{"n": 12345678901234567890}`)))
				}), m)
			}()
		}
		passed, err := eiptest.Process(t.Context(), s, eiptest.Message("q"))
		if err != nil || len(passed) != 1 || string(passed[0].Body()) != `[{"n":12345678901234567890},{"n":12345678901234567890}]` {
			t.Errorf("passed %v: %v", passed, err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestScatterGather_Options(t *testing.T) {
	var post eiptest.Post
	to := []eip.Target{{Name: "topic.t", Handler: post.Channel("t")}}
	for option, s := range map[string]*routing.ScatterGather{
		"to":        {To: to, Timeout: time.Second},
		"timeout":   {To: to, Expect: int64(1)},
		"quiet":     {To: to, Timeout: time.Second, Quiet: -1, Expect: int64(1)},
		"correlate": {To: to, Timeout: time.Second, Expect: int64(1), Correlate: "body.id"},
		"expect":    {To: to, Timeout: time.Second, Expect: []any{"a"}},
		"reply_to":  {To: to, Timeout: time.Second, Expect: int64(1), ReplyTo: eip.Multicast{}},
	} {
		if err := s.Validate(); optionOf(err) != option {
			t.Errorf("%s: %v", option, err)
		}
	}
	for _, expect := range []any{int64(0), "a", []any{"a", "a"}, []any{1}} {
		s := &routing.ScatterGather{To: to, Timeout: time.Second, Expect: expect, Who: textOf("w")}
		if err := s.Validate(); optionOf(err) != "expect" {
			t.Errorf("expect = %v: %v", expect, err)
		}
	}
}
