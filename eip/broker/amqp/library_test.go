package amqp_test

import (
	"context"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/amqp"
	"github.com/eipd/eipd/internal/rabbit"
)

// What RabbitMQ refuses is an error of Run's, and what a flow has not settled is there
// when Run has ended.
func TestDial(t *testing.T) {
	b, err := amqp.Dial(t.Context(), rabbit.Shared(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	in, out := "library.in", "library.out"
	if err := eip.Await(t.Context(), b.Queue(in), eip.New([]byte("x"), nil)); err != nil {
		t.Fatal(err)
	}
	other := b.Queue(in, func(e *broker.Endpoint) { e.Channel.MaxLength = 7 })
	if err := b.Run(t.Context(), &eip.Flow{Name: "f", Source: other, To: eip.Discard}); err == nil || !strings.HasPrefix(err.Error(), "flow f: open queue library.in: ") {
		t.Errorf("a queue that is there is another one, and Run gave %v", err)
	}
	for _, accept := range []bool{false, true} {
		ctx, stop := context.WithCancel(t.Context())
		took := make(chan struct{}, 1000)
		f := &eip.Flow{Name: "f", Source: b.Queue(in), To: b.Queue(out), Stages: []eip.Stage{
			eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				took <- struct{}{}
				if !accept {
					<-ctx.Done()
					return ctx.Err()
				}
				return next.Handle(ctx, m)
			})}}
		abort := make(chan struct{})
		if f.Abort = abort; !accept {
			close(abort) // at the end it waits for nothing
		}
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx, f) }()
		<-took
		if accept {
			m, err := b.Queue(out).Receive(t.Context())
			if err != nil || string(m.Body()) != "x" {
				t.Errorf("received %v: %v", m, err)
			} else {
				eip.Deliver(t.Context(), eip.Discard, m)
			}
		}
		stop()
		if err := <-ended; (err == nil) != accept {
			t.Errorf("accept=%v: %v", accept, err)
		}
	}
}
