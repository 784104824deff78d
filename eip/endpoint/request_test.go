package endpoint_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

// shout answers in capitals.
var shout = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
	return m.Reply(ctx, m.WithBody([]byte(strings.ToUpper(string(m.Body())))))
})

func ExampleRequest() {
	// A service reads the queue "shout"; the flow asks it and goes on with its reply.
	var post eiptest.Post
	stop, cancel := context.WithCancel(context.Background())
	service := &eip.Flow{Name: "service", Source: post.Channel("shout"), To: shout}
	done := make(chan error)
	go func() { done <- service.Run(stop) }()

	request := endpoint.NewRequest()
	request.To = post.Channel("shout")
	flow := &eip.Flow{Name: "ask", Source: eiptest.NewTexts("hello", "world"), Stages: []eip.Stage{request},
		To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Println(string(m.Body()))
			return nil
		})}
	if err := flow.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	cancel()
	<-done
	// Output:
	// HELLO
	// WORLD
}

func TestRequest_KeepsTheContract(t *testing.T) {
	request := func(service eip.Handler) *endpoint.Request {
		r := endpoint.NewRequest()
		r.To = service
		return r
	}
	t.Run("replies to the message", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Sends: 2, New: func(target eip.Handler) eip.Stage {
			return request(eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if err := target.Handle(ctx, m); err != nil {
					return err
				}
				return shout(ctx, m)
			}))
		}})
	})
	t.Run("replies over a channel", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return request(&answering{}) }})
	})
	t.Run("never replies", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Fails, New: func(eip.Handler) eip.Stage {
			return request(new(eiptest.Post).Channel("nobody"))
		}})
	})
}

// answering is a channel whose messages are answered as they come in.
type answering struct {
	eiptest.Post
	answers []func(reply *eip.Message) *eip.Message // what is sent for each; nil: one plain reply
}

func (a *answering) Handle(ctx context.Context, m *eip.Message) error {
	answers := a.answers
	if answers == nil {
		answers = append(answers, func(r *eip.Message) *eip.Message { return r })
	}
	for _, answer := range answers {
		reply := eiptest.Message("re " + string(m.Body())).With(func(r *eip.Message) { r.CorrelationID = m.CorrelationID })
		if err := a.SendTo(ctx, m.ReplyTo, answer(reply)); err != nil {
			return err
		}
	}
	return nil
}

func (a *answering) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	return a.Channel("requests").Inbox(ctx, name)
}

func open(t *testing.T, r *endpoint.Request) {
	t.Helper()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := r.Open(t.Context(), eiptest.Env()); err != nil {
		t.Fatal(err)
	}
}

func closed(t *testing.T, r *endpoint.Request) {
	t.Helper()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func wantCounts(t *testing.T, r eip.Counted, want map[string]int64) {
	t.Helper()
	all := map[string]int64{"requests": 0, "replies": 0, "outstanding": 0, "timed_out": 0, "failed": 0, "unmatched": 0}
	maps.Copy(all, want)
	if got := r.Stats().Counts; !maps.Equal(got, all) {
		t.Errorf("counts %v, want %v", got, all)
	}
}

func TestRequest_WhatBecomesOfTheMessage(t *testing.T) {
	bodies := func(_ context.Context, m, reply *eip.Message) (any, error) {
		return map[string]any{"asked": string(m.Body()), "got": string(reply.Body())}, nil
	}
	tests := map[string]struct {
		body              eip.Value
		merge             eip.Merge
		want, contentType string
	}{
		"the reply":   {want: "re order", contentType: "text/x-reply"},
		"asked other": {body: func(context.Context, *eip.Message) (any, error) { return "price?", nil }, want: "re price?", contentType: "text/x-reply"},
		"merged":      {merge: bodies, want: `{"asked":"order","got":"re order"}`, contentType: "application/json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := endpoint.NewRequest()
				r.Body, r.Merge = tt.body, tt.merge
				r.To = &answering{answers: []func(*eip.Message) *eip.Message{func(reply *eip.Message) *eip.Message {
					return reply.With(func(m *eip.Message) { m.ContentType = "text/x-reply" }).WithHeader("from", "service")
				}}}
				open(t, r)
				m := eiptest.Message("order").With(func(m *eip.Message) {
					m.ID, m.CorrelationID, m.ReplyTo, m.ContentType, m.Encoding = "id", "mine", "home", "text/plain", "identity"
				}).WithHeader("region", "eu")
				passed, err := eiptest.Process(t.Context(), r, m)
				if err != nil || len(passed) != 1 {
					t.Fatalf("passed %v, %v", passed, err)
				}
				got := passed[0]
				if string(got.Body()) != tt.want || got.ContentType != tt.contentType || got.Encoding != "" {
					t.Errorf("the message became %q, %s", got.Body(), got.ContentType)
				}
				if got.ID != "id" || got.CorrelationID != "mine" || got.ReplyTo != "home" || len(got.Headers) != 1 {
					t.Errorf("the message became %+v", got)
				}
				closed(t, r)
				wantCounts(t, r, map[string]int64{"requests": 1, "replies": 1})
				if n := r.Stats().Times["round_trip"].Durations().Count; n != 1 {
					t.Errorf("%d round trips were measured", n)
				}
			})
		})
	}
}

// Many ask at once, their replies come in another order, and each gets its own.
func TestRequest_Concurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500
		var post eiptest.Post
		r := endpoint.NewRequest()
		r.To = post.Channel("shout")
		r.Merge = func(_ context.Context, m, reply *eip.Message) (any, error) {
			return string(m.Body()) + "=" + string(reply.Body()), nil
		}
		stop, cancel := context.WithCancel(t.Context())
		var service sync.WaitGroup
		service.Go(func() {
			var held []*eip.Message
			for {
				m, err := post.Channel("shout").Receive(stop)
				if err != nil {
					return
				}
				if held = append(held, m); len(held) < 10 {
					continue
				}
				for i := range held { // the last first
					eip.Deliver(stop, shout, held[len(held)-1-i])
				}
				held = nil
			}
		})
		var out eiptest.Recorder
		src := eiptest.NewNumbers(n)
		f := &eip.Flow{Name: "ask", Source: src, Stages: []eip.Stage{r}, To: &out, Concurrency: 50}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		cancel()
		service.Wait()
		src.Check(t)
		for _, body := range out.Bodies() {
			if ask, got, _ := strings.Cut(body, "="); ask != got {
				t.Errorf("%s got the reply of %s", ask, got)
			}
		}
		wantCounts(t, r, map[string]int64{"requests": n, "replies": n})
	})
}

func BenchmarkRequest(b *testing.B) {
	r := endpoint.NewRequest()
	r.To = &answering{}
	if err := r.Open(b.Context(), eiptest.Env()); err != nil {
		b.Fatal(err)
	}
	defer r.Close(b.Context())
	chain := eip.Chain([]eip.Stage{r}, eip.Discard)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			eip.Deliver(b.Context(), chain, eiptest.Message("m"))
		}
	})
}
