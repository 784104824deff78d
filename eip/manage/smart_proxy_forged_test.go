package manage_test

import (
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage"
)

// Whoever can send to a proxy's inboxes, and knows no secret, moves nothing: what he
// sends is dropped, and requests that are under way are answered as ever.
func TestSmartProxy_ForgedReplies(t *testing.T) {
	own := func(p *manage.SmartProxy, _ *eip.Env) { p.Secret = "own" }
	ofBus := func(_ *manage.SmartProxy, env *eip.Env) { env.Secret = "bus" }
	open := func(o *office, set func(*manage.SmartProxy, *eip.Env)) *manage.SmartProxy {
		p, env := manage.NewSmartProxy(), eiptest.Env()
		p.Service = o.Channel("service")
		set(p, env)
		if err := p.Open(o.Context(), env); err != nil {
			o.Fatal(err)
		}
		return p
	}
	for name, set := range map[string]func(*manage.SmartProxy, *eip.Env){
		"secret of its own": own, "secret of the control bus": ofBus,
		"its own before the bus'": func(p *manage.SmartProxy, env *eip.Env) { own(p, env); ofBus(p, env) },
	} {
		for forger, theirs := range map[string]func(*manage.SmartProxy, *eip.Env){
			"no secret":      func(*manage.SmartProxy, *eip.Env) {},
			"another secret": func(p *manage.SmartProxy, _ *eip.Env) { p.Secret = "guessed" },
			"a part of it":   func(p *manage.SmartProxy, env *eip.Env) { p.Secret = "o"; env.Secret = "b" },
		} {
			t.Run(name+", forged with "+forger, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					elsewhere := newOffice(t)
					a := open(elsewhere, theirs) // a proxy of the same address is the best forger
					kept := elsewhere.request("kept").WithReplier(replier(func(*eip.Message) error { return nil }))
					var forged []string
					for _, m := range []*eip.Message{elsewhere.request("travels"), kept, elsewhere.request("unwatched").WithReplier(nil).With(func(m *eip.Message) { m.ReplyTo = "" })} {
						elsewhere.ask(a, m)
						forged = append(forged, elsewhere.take("service").CorrelationID)
					}
					elsewhere.shut(a)

					o := newOffice(t)
					p := open(o, set)
					o.ask(p, o.request("a"))
					o.ask(p, kept)
					request, held := o.take("service"), o.take("service")
					for _, inbox := range []string{request.ReplyTo, held.ReplyTo} { // of all processes, and this one's
						for _, id := range forged {
							o.answer(eiptest.Message("forged").With(func(m *eip.Message) { m.CorrelationID, m.ReplyTo = id, inbox }))
						}
					}
					synctest.Wait()
					o.answers()
					o.counts(p, map[string]int64{"requests": 2, "outstanding": 2, "unmatched": 6})
					o.answer(request)
					o.answer(held)
					synctest.Wait()
					o.answers("a")
					o.counts(p, map[string]int64{"requests": 2, "replies": 2, "unmatched": 6})
					o.shut(p)
				})
			})
		}
	}
}
