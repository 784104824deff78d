package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

// replierFunc takes replies by a function.
type replierFunc func(ctx context.Context, request, reply *eip.Message) error

func (f replierFunc) Reply(ctx context.Context, request, reply *eip.Message) error {
	return f(ctx, request, reply)
}

func ExampleReply() {
	reply := endpoint.NewReply()
	reply.Body = func(_ context.Context, m *eip.Message) (any, error) {
		return map[string]any{"hello": string(m.Body())}, nil
	}
	request := eip.New([]byte("Ada"), nil).With(func(m *eip.Message) { m.ID, m.ReplyTo = "42", "answers" }).
		WithReplier(replierFunc(func(_ context.Context, request, reply *eip.Message) error {
			fmt.Printf("to %s, about %s: %s\n", request.ReplyTo, reply.CorrelationID, reply.Body())
			return nil
		}))
	eip.Deliver(context.Background(), eip.Chain([]eip.Stage{reply}, nil), request)
	// Output: to answers, about 42: {"hello":"Ada"}
}

func TestReply_KeepsTheContract(t *testing.T) {
	var target eip.Handler
	asked := eiptest.Message(`{"id":7}`).With(func(m *eip.Message) { m.ReplyTo = "answers" }).
		WithReplier(replierFunc(func(ctx context.Context, _, reply *eip.Message) error { return target.Handle(ctx, reply) }))
	t.Run("answers", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Inputs: []*eip.Message{asked}, Sends: 2, New: func(h eip.Handler) eip.Stage {
			target = h
			return endpoint.NewReply()
		}})
	})
	t.Run("cannot be answered", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Rejects, New: func(eip.Handler) eip.Stage { return endpoint.NewReply() }})
	})
}

func TestReply_IsAMessageOfItsOwn(t *testing.T) {
	tests := map[string]struct {
		body              eip.Value
		want, contentType string
	}{
		"as it is": {nil, "ask", "text/plain"},
		"text":     {func(context.Context, *eip.Message) (any, error) { return "answer", nil }, "answer", "text/plain"},
		"a map":    {func(context.Context, *eip.Message) (any, error) { return map[string]any{"a": 1}, nil }, `{"a":1}`, "application/json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got *eip.Message
			request := eiptest.Message("ask").With(func(m *eip.Message) {
				m.ID, m.CorrelationID, m.ReplyTo, m.ContentType = "id", "correlation", "answers", "text/plain"
				m.Expiration, m.Headers = 5, eip.Headers{"region": "eu"}
			}).WithReplier(replierFunc(func(_ context.Context, _, reply *eip.Message) error { got = reply; return nil }))
			reply := endpoint.NewReply()
			reply.Body = tt.body
			passed, err := eiptest.Process(t.Context(), reply, request)
			if err != nil || len(passed) != 1 || string(passed[0].Body()) != "ask" || passed[0].ID != "id" {
				t.Fatalf("passed %v, %v; want the request as it was", passed, err)
			}
			if string(got.Body()) != tt.want || got.ContentType != tt.contentType {
				t.Errorf("the reply is %q, %s", got.Body(), got.ContentType)
			}
			if got.CorrelationID != "correlation" || got.ReplyTo != "" || got.ID == "id" || got.ID == "" ||
				got.Expiration != 0 || got.Headers["region"] != "eu" || got.Replier() != nil {
				t.Errorf("the reply is %+v", got)
			}
		})
	}
}

func TestReply_FailsWhereItsBodyDoes(t *testing.T) {
	for want, body := range map[string]eip.Value{
		"no JSON":     func(context.Context, *eip.Message) (any, error) { return nil, eip.Invalid(errors.New("no JSON")) },
		"encode body": func(context.Context, *eip.Message) (any, error) { return func() {}, nil },
	} {
		request := eiptest.Message("ask").WithReplier(replierFunc(func(context.Context, *eip.Message, *eip.Message) error {
			t.Error("an answer went out")
			return nil
		}))
		reply := endpoint.NewReply()
		reply.Body = body
		passed, err := eiptest.Process(t.Context(), reply, request)
		if !eip.IsInvalid(err) || !strings.Contains(err.Error(), want) || len(passed) != 0 {
			t.Errorf("%s: passed %v, %v", want, passed, err)
		}
	}
}
