package manage_test

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
	"github.com/eipd/eipd/eip/manage"
)

func ExampleSmartProxy() {
	// The service answers whoever asks; the requestor reads "answers".
	service := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return m.Reply(ctx, m.WithBody([]byte("12 points")))
	})
	answers := replier(func(reply *eip.Message) error {
		fmt.Printf("%s: %s\n", reply.CorrelationID, reply.Body())
		return nil
	})
	proxy := manage.NewSmartProxy()
	proxy.Service = service

	request := eip.New([]byte("ada"), nil).With(func(m *eip.Message) { m.CorrelationID = "q1" }).WithReplier(answers)
	flow := &eip.Flow{Name: "points", Source: eiptest.NewSource(request), Stages: []eip.Stage{proxy}}
	if err := flow.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(proxy.Stats().Counts["replies"], "of", proxy.Stats().Counts["requests"], "answered")
	// Output:
	// q1: 12 points
	// 1 of 1 answered
}

// service is a channel whose messages are taken by a handler.
type service struct {
	eip.Handler
	*eiptest.PostChannel
}

func (s service) Handle(ctx context.Context, m *eip.Message) error { return s.Handler.Handle(ctx, m) }

func TestSmartProxy_KeepsTheContract(t *testing.T) {
	var post eiptest.Post
	asked := eiptest.Message("ask").With(func(m *eip.Message) { m.ReplyTo = "answers" }).WithReplier(&post)
	elsewhere := asked.WithReplier(replier(func(*eip.Message) error { return nil }))
	t.Run("one way", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: func(target eip.Handler) eip.Stage {
			p := manage.NewSmartProxy()
			p.Service = target
			return p
		}})
	})
	t.Run("over a channel", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Inputs: []*eip.Message{asked}, New: func(target eip.Handler) eip.Stage {
			post = eiptest.Post{}
			p := manage.NewSmartProxy()
			p.Service = service{target, post.Channel("service")}
			return p
		}})
	})
	t.Run("kept", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Inputs: []*eip.Message{elsewhere}, New: func(target eip.Handler) eip.Stage {
			p := manage.NewSmartProxy()
			p.Service = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if err := target.Handle(ctx, m); err != nil {
					return err
				}
				return m.Reply(ctx, m)
			})
			return p
		}})
	})
}

func TestSmartProxy_BringsTheReplyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(func(p *manage.SmartProxy) { p.ReplyBody.Stages = []eip.Stage{mark("seen")} })
		if err := o.ask(p, o.request("a").WithHeader("region", "eu"))(); err != nil {
			t.Errorf("the request settled with %v", err)
		}
		request := o.take("service")
		if request.ReplyTo == "answers" || strings.Contains(request.CorrelationID, "correlation of a") || len(request.CorrelationID) > 255 {
			t.Errorf("the service was asked with %q, to reply to %q", request.CorrelationID, request.ReplyTo)
		}
		if string(request.Body()) != "a" || request.Headers["region"] != "eu" || request.ID != "id of a" {
			t.Errorf("the service got %+v", request)
		}
		o.counts(p, map[string]int64{"requests": 1, "outstanding": 1})
		time.Sleep(3 * time.Second)
		o.answer(request)
		synctest.Wait()
		reply := o.take("answers")
		if string(reply.Body()) != "re a seen" || reply.CorrelationID != "correlation of a" || reply.ReplyTo != "" {
			t.Errorf("the requestor got %q, %+v", reply.Body(), reply)
		}
		if bodies, taken := o.Channel(request.ReplyTo).Waiting(); len(bodies) > 0 || taken > 0 {
			t.Errorf("in the proxy's inbox wait %v, %d are not settled", bodies, taken)
		}
		o.counts(p, map[string]int64{"requests": 1, "replies": 1})
		d := p.Stats().Times["round_trip"].Durations()
		if d.Count != 1 || d.Min != 3*time.Second || d.Max != 3*time.Second {
			t.Errorf("the round trip took %+v", d)
		}
		o.shut(p)
	})
}

// Where a request has no Correlation Identifier, its reply has the Message ID.
func TestSmartProxy_CorrelatesByMessageID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		for _, replies := range []eip.Replier{&o.Post, replier(func(r *eip.Message) error {
			return o.SendTo(t.Context(), "answers", r)
		})} {
			o.ask(p, o.request("a").With(func(m *eip.Message) { m.CorrelationID = "" }).WithReplier(replies))
			o.answer(o.take("service"))
			synctest.Wait()
			if reply := o.take("answers"); reply.CorrelationID != "id of a" {
				t.Errorf("the reply is about %q", reply.CorrelationID)
			}
		}
		o.shut(p)
	})
}

func TestSmartProxy_LateDoubledUnknownNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(func(p *manage.SmartProxy) { p.Timeout = 10 * time.Second })
		for _, name := range []string{"never", "late", "doubled"} {
			o.ask(p, o.request(name))
		}
		o.take("service")
		late, doubled := o.take("service"), o.take("service")
		o.answer(doubled)
		o.answer(doubled)
		synctest.Wait()
		o.answers("doubled")
		o.counts(p, map[string]int64{"requests": 3, "replies": 1, "outstanding": 2, "unmatched": 1})

		time.Sleep(10 * time.Second)
		synctest.Wait()
		o.counts(p, map[string]int64{"requests": 3, "replies": 1, "timed_out": 2, "unmatched": 1})
		for range 2 {
			o.answer(late)
		}
		synctest.Wait()
		o.answers("late")
		o.counts(p, map[string]int64{"requests": 3, "replies": 1, "timed_out": 2, "late": 1, "unmatched": 2})

		id := late.CorrelationID
		for _, unknown := range []string{"", "unknown", id[:20] + "x" + id[21:], id + "A", strings.Repeat("A", 5000)} {
			o.answer(late.With(func(m *eip.Message) { m.CorrelationID = unknown }))
		}
		synctest.Wait()
		o.answers()
		o.counts(p, map[string]int64{"requests": 3, "replies": 1, "timed_out": 2, "late": 1, "unmatched": 7})
		if bodies, taken := o.Channel(late.ReplyTo).Waiting(); len(bodies) > 0 || taken > 0 {
			t.Errorf("in the proxy's inbox wait %v, %d are not settled", bodies, taken)
		}
		if d := p.Stats().Times["round_trip"].Durations(); d.Count != 2 || d.Max != 10*time.Second {
			t.Errorf("round trips %+v", d)
		}
		o.shut(p)
	})
}

// Nobody waits for the reply, and the round trip is measured all the same.
func TestSmartProxy_OneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		if err := o.ask(p, eiptest.Message("event"))(); err != nil {
			t.Error(err)
		}
		request := o.take("service")
		for range 2 {
			o.answer(request)
		}
		synctest.Wait()
		o.answers()
		o.counts(p, map[string]int64{"requests": 1, "replies": 1, "unmatched": 1})
		if p.Stats().Times["round_trip"].Durations().Count != 1 {
			t.Error("the round trip was not measured")
		}
		o.shut(p)
	})
}

func TestSmartProxy_RepliesMayBeDroppedOrSentElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		var aside eiptest.Recorder
		for name, change := range map[string]func(*manage.SmartProxy){
			"dropped": func(p *manage.SmartProxy) {
				p.ReplyBody.Stages = []eip.Stage{eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return nil })}
			},
			"sent elsewhere": func(p *manage.SmartProxy) { p.ReplyBody.To = &aside },
		} {
			p := o.proxy(change)
			for _, m := range []*eip.Message{o.request(name), o.request(name).WithReplier(replier(func(*eip.Message) error {
				return errors.New("answered")
			}))} {
				settled := o.ask(p, m)
				o.answer(o.take("service"))
				synctest.Wait()
				if err := settled(); err != nil {
					t.Errorf("%s: the request settled with %v", name, err)
				}
			}
			o.answers()
			o.counts(p, map[string]int64{"requests": 2, "replies": 2})
			o.shut(p)
		}
		if n := len(aside.Bodies()); n != 2 {
			t.Errorf("%d replies went aside", n)
		}
	})
}

func TestSmartProxy_Validate(t *testing.T) {
	for option, change := range map[string]func(*manage.SmartProxy){
		"timeout": func(p *manage.SmartProxy) { p.Timeout = 0 },
		"service": func(p *manage.SmartProxy) { p.Service = eip.Multicast{eip.Discard, eip.Discard} },
	} {
		p := manage.NewSmartProxy()
		p.Service = eip.Discard
		if err := p.Validate(); err != nil {
			t.Errorf("a plain one: %v", err)
		}
		change(p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}
