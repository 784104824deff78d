package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/internal/rabbit"
)

// Work that takes longer than a node waits for a message goes on when the message
// comes again: a stage is not begun a second time, attempts are counted on, and
// messages that look alike are told apart.
func TestFault_ConsumerTimeoutKeepsWork(t *testing.T) {
	n := rabbit.Shared(t)
	n.Set(t, "consumer_timeout", 500)
	n.Set(t, "channel_tick_interval", 100)
	const stage = 2500 * time.Millisecond
	for name, test := range map[string]struct {
		concurrency int
		bodies      []string
		id          string
		fails       bool
		begun       int // of each
	}{
		"slow stage":         {1, []string{"1", "2"}, "", false, 1},
		"several lanes":      {4, []string{"1", "2", "3", "4"}, "", false, 1},
		"alike":              {4, []string{"x", "x", "x"}, "", false, 3},
		"one id":             {4, []string{"1", "2", "3"}, "same", false, 1},
		"a sum of attempts":  {1, []string{"1"}, "", true, 3},
		"attempts, in lanes": {4, []string{"1", "2"}, "", true, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, config(t, n.URL()))
			defer b.Close()
			in := queue(t, strings.ReplaceAll(name, " ", "-"))
			src, err := b.Source(t.Context(), in, broker.Subscription{})
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			begun, dead := map[string]int{}, map[string]int{}
			f := &eip.Flow{Name: "f", Source: src, Concurrency: test.concurrency, Retry: eip.Retry{Delay: time.Second, MaxDelay: 2 * time.Second},
				To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					mu.Lock()
					begun[string(m.Body())]++
					mu.Unlock()
					if test.fails {
						return errors.New("not now")
					}
					select {
					case <-time.After(stage):
					case <-ctx.Done():
					}
					return nil
				}),
				DeadLetter: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
					mu.Lock()
					defer mu.Unlock()
					dead[string(m.Body())+fmt.Sprint(m.Headers[header.Attempts])]++
					return nil
				})}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.Run(ctx) }()
			ch := n.Channel(t)
			for _, body := range test.bodies {
				if err := ch.Publish("", in.Address, true, false, amqp091.Publishing{Body: []byte(body), MessageId: test.id, DeliveryMode: amqp091.Persistent}); err != nil {
					t.Fatal(err)
				}
			}
			settled := func() bool {
				s, _ := f.Counts()
				return s.Sent+s.DeadLettered >= int64(len(test.bodies)) && s.InFlight == 0
			}
			until(t, "all are settled", settled)
			until(t, "the queue is empty", func() bool {
				q, err := n.Channel(t).QueueDeclarePassive(in.Address, true, false, false, false, nil)
				return err == nil && q.Messages == 0 && settled()
			})
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := src.Close(); err != nil {
				t.Error(err)
			}
			q, err := n.Channel(t).QueueDeclarePassive(in.Address, true, false, false, false, nil)
			if err != nil || q.Messages != 0 {
				t.Errorf("the queue has %d messages, %v", q.Messages, err)
			}
			for body, times := range begun {
				if times != test.begun {
					t.Errorf("%s was begun %d times, want %d", body, times, test.begun)
				}
			}
			if s, _ := f.Counts(); s.Returned != 0 || s.Received != int64(len(test.bodies)) {
				t.Errorf("counted %+v", s)
			}
			for body, times := range dead {
				if times != 1 || !strings.HasSuffix(body, "3") {
					t.Errorf("%d dead letters of %s", times, body)
				}
			}
		})
	}
}
