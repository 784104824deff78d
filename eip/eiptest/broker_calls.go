package eiptest

import (
	"maps"
	"strconv"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// heard is what somebody who calls is told. Whoever reads it is not waited for.
type heard struct {
	replies chan *eip.Message
	failed  chan error
}

func (h *heard) Replied(m *eip.Message)        { h.replies <- m }
func (h *heard) Returned(id string, err error) { h.failed <- err }
func (h *heard) Lost(err error)                { h.failed <- err }
func (h *heard) expect(t *brokerTest, want []int) {
	got, all := map[string]bool{}, map[string]bool{}
	for _, n := range want {
		all[strconv.Itoa(n)+" reply to "+strconv.Itoa(n)] = true
		select {
		case m := <-h.replies:
			got[m.CorrelationID+" "+string(m.Body())] = true
		case err := <-h.failed:
			t.Fatalf("a call failed: %v", err)
		case <-t.ctx.Done():
			t.Fatalf("there are %d of %d replies", len(got), len(want))
		}
	}
	if !maps.Equal(got, all) {
		t.Errorf("the replies are %v", got)
	}
}

var callTests = map[string]func(*brokerTest){
	"Call/RoundTrip": func(t *brokerTest) {
		caller, ok := t.b.(broker.Caller)
		if !ok {
			t.Fatal("the broker has no short way for calls")
		}
		q := t.queue("service")
		src := t.source(q, broker.Subscription{})
		h := &heard{make(chan *eip.Message, 100), make(chan error, 100)}
		calls, err := caller.Calls(t.ctx, h)
		t.mustBeNil("open calls", err)
		var ids []int
		for n := range 10 {
			ids = append(ids, n)
			request := eip.New([]byte(strconv.Itoa(n)), nil).With(func(m *eip.Message) { m.CorrelationID = strconv.Itoa(n) }).WithHeader("n", int64(n))
			t.mustBeNil("call", calls.Call(t.ctx, q.Address, request))
		}
		for n := range ids {
			r := t.hold(src)
			if r.Delivery != eip.Transient || r.Headers["n"] != int64(n) {
				t.Errorf("the request is %+v", r.Message)
			}
			t.mustBeNil("reply", r.Reply(t.ctx, eip.New([]byte("reply to "+string(r.Body())), nil)))
			r.settle(nil)
		}
		h.expect(t, ids)
		t.mustBeNil("call", calls.Call(t.ctx, t.address("missing"), eip.New(nil, nil)))
		if err := t.await(h.failed); !eip.IsGone(err) {
			t.Errorf("calling where nobody is gave %v; want an error that eip.Gone made", err)
		}
		if err := calls.Call(t.ctx, "", eip.New(nil, nil)); !eip.IsPermanent(err) {
			t.Errorf("calling no address gave %v; want a permanent error", err)
		}
		t.close(calls)
		if err := calls.Call(t.ctx, q.Address, eip.New(nil, nil)); err == nil {
			t.Error("what is closed took a call")
		}
		t.close(src)
	},
}
