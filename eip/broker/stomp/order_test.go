package stomp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Messages keep their order, whether they are sent one by one or many at a time.
func TestSender_KeepsTheOrder(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			const n = 3000
			b := open(t, start(t))
			defer b.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			q := broker.Channel{Address: "order." + eip.NewID(), Durable: true, Declare: true}
			to, err := b.Sender(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			src, err := b.Source(ctx, q, broker.Subscription{})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				settled := make(chan error, n)
				for i, under := 0, 0; i < n || under > 0; {
					for range 1 + rand.IntN(1+rand.IntN(150)) {
						if i == n {
							break
						}
						eip.Deliver(ctx, to, eip.New(fmt.Append(nil, i), func(err error) { settled <- err }))
						i, under = i+1, under+1
					}
					for under > rand.IntN(100) {
						if err := <-settled; err != nil {
							t.Error(err)
							return
						}
						under--
					}
				}
			}()
			for i := range n {
				m, err := src.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if got := string(m.Body()); got != fmt.Sprint(i) {
					t.Fatalf("message %s came in place of %d", got, i)
				}
				eip.Deliver(ctx, eip.Discard, m)
			}
		})
	}
}
