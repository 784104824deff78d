package eiptest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestPost_DeliversAgainWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post eiptest.Post
		c := post.Channel("orders")
		for _, body := range []string{"1", "2"} {
			eip.Deliver(t.Context(), c, eiptest.Message(body))
		}
		m, err := c.Receive(t.Context())
		if err != nil || string(m.Body()) != "1" || m.Redelivered {
			t.Fatalf("received %+v, %v", m, err)
		}
		if bodies, taken := c.Waiting(); len(bodies) != 1 || taken != 1 {
			t.Errorf("%v wait, %d are taken", bodies, taken)
		}
		eip.Deliver(t.Context(), refuse, m)
		var got []string
		for range 2 {
			m, _ := c.Receive(t.Context())
			got = append(got, string(m.Body()))
			eip.Deliver(t.Context(), eip.Discard, m)
		}
		if !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("then came %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an empty channel gave %v", err)
		}
	})
}

var refuse = eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("busy") })

func TestPost_TakesRepliesToItsInboxes(t *testing.T) {
	var post, other eiptest.Post
	c := post.Channel("orders")
	in, err := c.Inbox(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ask := eiptest.Message("ask").With(func(m *eip.Message) { m.ReplyTo, m.CorrelationID = in.Address(), "7" })
	eip.Deliver(t.Context(), c, ask)
	request, _ := c.Receive(t.Context())
	elsewhere, _ := other.Channel("orders").Inbox(t.Context(), "")
	if !in.Answers(request) || elsewhere.Answers(request) || in.Answers(ask) {
		t.Error("an inbox does not know whose Return Addresses are its own")
	}
	eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return m.Reply(ctx, eiptest.Message("answer"))
	}), request)
	reply, err := in.Receive(t.Context())
	if err != nil || string(reply.Body()) != "answer" || reply.CorrelationID != "7" {
		t.Errorf("the reply is %+v, %v", reply, err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := in.SendTo(t.Context(), in.Address(), reply); !eip.IsPermanent(err) {
		t.Errorf("a closed inbox still has an address: %v", err)
	}
	shared, _ := c.Inbox(t.Context(), "shared")
	shared.Close()
	if err := in.SendTo(t.Context(), shared.Address(), reply); err != nil {
		t.Errorf("a named inbox went with its process: %v", err)
	}
}
