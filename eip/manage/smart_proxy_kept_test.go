package manage_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/manage"
)

// keptRequests are those whose reply does not find its way without the process
// that forwarded them.
func keptRequests(o *office, other *eiptest.Post, got *[]string) map[string]*eip.Message {
	long := strings.Repeat("long", 60)
	return map[string]*eip.Message{
		"of no broker": o.request("a").WithReplier(replier(func(r *eip.Message) error {
			*got = append(*got, string(r.Body())+" "+r.CorrelationID)
			return nil
		})),
		"of another broker": o.request("a").With(func(m *eip.Message) { m.ReplyTo = "theirs" }).WithReplier(other),
		"too long":          o.request("a").With(func(m *eip.Message) { m.CorrelationID = long }),
		"of no source":      o.request("a").WithReplier(nil),
	}
}

func TestSmartProxy_HoldsWhatItKeeps(t *testing.T) {
	for name := range keptRequests(&office{}, nil, nil) {
		for _, late := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", late"}[late], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o, other, got := newOffice(t), new(eiptest.Post), []string(nil)
					other.Channel("theirs")
					request := keptRequests(o, other, &got)[name]
					p := o.proxy(nil)
					settled := o.ask(p, request)
					forwarded := o.take("service")
					if settled() != errUnsettled {
						t.Errorf("the request settled with %v before its reply", settled())
					}
					want := map[string]int64{"requests": 1, "replies": 1}
					if late {
						time.Sleep(30 * time.Second)
						synctest.Wait()
						if err := settled(); !eip.IsPermanent(err) || err.Error() != "test.stage: no reply within 30s" {
							t.Errorf("after the time-out it settled with %v", err)
						}
						want = map[string]int64{"requests": 1, "timed_out": 1, "late": 1}
					}
					o.answer(forwarded)
					synctest.Wait()
					if err := settled(); err != nil && !late {
						t.Errorf("after the reply it settled with %v", err)
					}
					for _, c := range []*eiptest.PostChannel{o.Channel("answers"), other.Channel("theirs")} {
						if bodies, _ := c.Waiting(); len(bodies) > 0 {
							m, _ := c.Receive(t.Context())
							got = append(got, string(m.Body())+" "+m.CorrelationID)
						}
					}
					if want := []string{"re a " + request.CorrelationID}; !slices.Equal(got, want) {
						t.Errorf("the requestor got %q, want %q", got, want)
					}
					o.counts(p, want)
					o.shut(p)
				})
			})
		}
	}
}

// What is kept is given back when the flow gives up, and when the stage closes.
func TestSmartProxy_GivesBackWhatItKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		nobody := replier(func(*eip.Message) error { return nil })
		ctx, cancel := context.WithCancel(t.Context())
		var outcome error
		eip.Deliver(ctx, eip.Chain([]eip.Stage{p}, nil), eip.New(nil, func(err error) { outcome = err }).WithReplier(nobody))
		cancel()
		synctest.Wait()
		if !errors.Is(outcome, context.Canceled) {
			t.Errorf("cancelled, it settled with %v", outcome)
		}
		settled := o.ask(p, o.request("b").WithReplier(nobody))
		o.ask(p, o.request("c"))
		o.shut(p)
		if !errors.Is(settled(), eip.ErrClosed) {
			t.Errorf("closed, it settled with %v", settled())
		}
		o.counts(p, map[string]int64{"requests": 3, "failed": 2, "outstanding": 1})
	})
}

// A reply that its requestor cannot take yet is tried again, and the request is
// answered once.
func TestSmartProxy_TriesToDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, tries := newOffice(t), 0
		p := o.proxy(nil)
		settled := o.ask(p, o.request("a").WithReplier(replier(func(r *eip.Message) error {
			if tries++; tries < 3 {
				return errors.New("busy")
			}
			return o.SendTo(t.Context(), "answers", r)
		})))
		o.ask(p, o.request("b"))
		request := o.take("service")
		o.answer(request)
		synctest.Wait()
		if !p.Busy() {
			t.Error("not busy while a reply is on its way")
		}
		o.answer(request) // a double overtakes the retry, and is tried no less
		time.Sleep(time.Minute)
		synctest.Wait()
		if settled() != nil || tries != 3 {
			t.Errorf("after %d tries it settled with %v", tries, settled())
		}
		o.answers("a")
		o.counts(p, map[string]int64{"requests": 2, "replies": 1, "timed_out": 1, "unmatched": 1})
		o.shut(p)
	})
}

// A reply whose requestor is gone, or that cannot pass the body, goes where the
// flow's dead letters go.
func TestSmartProxy_DeadLettersWhatCannotBeDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, change := range map[string]func(*manage.SmartProxy){
			"gone": func(p *manage.SmartProxy) { p.Gone = replies.DeadLetter },
			"body fails": func(p *manage.SmartProxy) {
				p.ReplyBody.Stages = []eip.Stage{eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error {
					return eip.Invalid(errors.New("no JSON"))
				})}
			},
		} {
			o := newOffice(t)
			p := o.proxy(change)
			o.ask(p, o.request(name).With(func(m *eip.Message) { m.ReplyTo = "gone" }))
			o.answer(o.take("service"))
			synctest.Wait()
			if dead := o.dead.Messages(); len(dead) != 1 || string(dead[0].Body()) != "re "+name || dead[0].Headers[header.Error] == nil {
				t.Errorf("%s: dead letters %q", name, o.dead.Bodies())
			}
			o.counts(p, map[string]int64{"requests": 1, "outstanding": 1, "undeliverable": 1})
			o.shut(p)
		}
	})
}

// A reply whose requestor is gone is dropped and counted; the service has answered.
func TestSmartProxy_DropsWhatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		o.ask(p, o.request("a").With(func(m *eip.Message) { m.ReplyTo = "gone" }))
		o.answer(o.take("service"))
		synctest.Wait()
		if dead := o.dead.Bodies(); len(dead) > 0 {
			t.Errorf("dead letters %q", dead)
		}
		o.counts(p, map[string]int64{"requests": 1, "replies": 1, "undeliverable": 1})
		o.shut(p)
	})
}

// A service that answers nothing any more is said once, and so is that it answers
// again. One slow answer among others is no sign of it.
func TestSmartProxy_SilentService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(nil)
		o.ask(p, o.request("slow"))
		slow := o.take("service")
		time.Sleep(20 * time.Second)
		o.ask(p, o.request("quick"))
		o.answer(o.take("service"))
		synctest.Wait()
		time.Sleep(20 * time.Second)
		if err := p.Trouble(); err != nil {
			t.Errorf("one is slow, and it says %v", err)
		}
		for range 3 {
			o.ask(p, o.request("lost"))
			o.take("service")
			time.Sleep(time.Minute)
		}
		if err := p.Trouble(); err == nil || !strings.Contains(err.Error(), "test.stage: the service has not answered since") {
			t.Errorf("nothing comes, and it says %v", err)
		}
		o.answer(slow)
		synctest.Wait()
		if err := p.Trouble(); err != nil {
			t.Errorf("it answers again, and it says %v", err)
		}
		o.shut(p)
	})
}

// A request expires at the service when it is too late to answer it, or sooner.
func TestSmartProxy_Expires(t *testing.T) {
	for name, test := range map[string]struct {
		expire    bool
		own, want time.Duration
	}{
		"not asked":  {false, 0, 0},
		"without":    {true, 0, 30 * time.Second},
		"sooner":     {true, time.Second, time.Second},
		"later":      {true, time.Hour, 30 * time.Second},
		"at once":    {true, -1, -1},
		"of its own": {false, time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			p := o.proxy(func(p *manage.SmartProxy) { p.Expire = test.expire })
			o.ask(p, o.request("a").With(func(m *eip.Message) { m.Expiration = test.own }))
			if got := o.take("service").Expiration; got != test.want {
				t.Errorf("%s: it expires after %v, want %v", name, got, test.want)
			}
			o.shut(p)
		})
	}
}

func TestSmartProxy_ServiceThatCannotBeReached(t *testing.T) {
	refused := errors.New("refused")
	for name, service := range map[string]eip.Handler{
		"at once": eip.HandlerFunc(func(context.Context, *eip.Message) error { return refused }),
		"later":   eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { go m.Hold()(refused); return nil }),
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			p := o.proxy(func(p *manage.SmartProxy) { p.Service = service })
			for _, m := range []*eip.Message{o.request("a"), o.request("b").WithReplier(nil)} {
				settled := o.ask(p, m)
				synctest.Wait()
				var at *eip.StageError
				if err := settled(); !errors.Is(err, refused) || !errors.As(err, &at) || at.Address != "test.stage" {
					t.Errorf("%s: settled with %v", name, err)
				}
			}
			o.counts(p, map[string]int64{"requests": 2, "failed": 2})
			o.shut(p)
		})
	}
}

// lost is a service whose inbox cannot be read.
type lost struct{ *eiptest.PostChannel }

func (lost) Inbox(context.Context, string) (eip.Inbox, error) { return lostInbox{}, nil }

type lostInbox struct{ eip.Inbox }

func (lostInbox) Receive(context.Context) (*eip.Message, error) {
	return nil, errors.New("access refused")
}
func (lostInbox) Address() string           { return "lost" }
func (lostInbox) Close() error              { return nil }
func (lostInbox) Answers(*eip.Message) bool { return true }

// Where replies cannot be received, no more requests go out.
func TestSmartProxy_LostInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		p := o.proxy(func(p *manage.SmartProxy) { p.Service = lost{o.Channel("service")} })
		synctest.Wait()
		if err := o.ask(p, o.request("a"))(); err == nil || eip.IsPermanent(err) || !strings.Contains(err.Error(), "access refused") {
			t.Errorf("settled with %v", err)
		}
		if bodies, _ := o.Channel("service").Waiting(); len(bodies) > 0 {
			t.Error("a request went out")
		}
		if err := p.Close(t.Context()); err == nil {
			t.Error("close hides it")
		}
	})
}
