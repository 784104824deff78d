package amqp_test

import (
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// Nothing in a message sends it elsewhere, or under another name.
func TestTrust(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	defer b.Close()
	q, secret := queue(t, "q"), queue(t, "secret")
	ch := n.Channel(t)
	if _, err := ch.QueueDeclare(secret.Address, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	s, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	m := eip.New([]byte("x"), nil).With(func(m *eip.Message) {
		m.UserID = "somebody else"
		m.Headers = eip.Headers{"CC": []any{secret.Address}, "BCC": []any{secret.Address}, "kept": 1, "eip-test": true, "EIP-Error": "x", "eip-error": "y"}
	})
	if err := eip.Await(t.Context(), s, m); err != nil {
		t.Fatal(err)
	}
	got, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Headers) != 2 || got.Headers["eip-error"] != "y" || got.UserID != "" {
		t.Errorf("the message is %+v", got)
	}
	if q, err := ch.QueueDeclarePassive(secret.Address, true, false, false, false, nil); err != nil || q.Messages > 0 {
		t.Errorf("the other queue: %+v, %v", q, err)
	}

	list := m.With(func(m *eip.Message) { m.Copies = true }) // the flow says so itself
	if err := eip.Await(t.Context(), s, list); err != nil {
		t.Fatal(err)
	}
	if q, err := ch.QueueDeclarePassive(secret.Address, true, false, false, false, nil); err != nil || q.Messages != 1 {
		t.Errorf("the other queue, which the flow named: %+v, %v", q, err)
	}
}
