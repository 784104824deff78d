package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Bounds of taking.
const (
	mostAside     = 200_000 // messages that are passed over, where the broker needs no memory for that
	mostHeld      = 10_000  // where they are held in memory
	mostHeldBytes = 48 << 20
	mostLimited   = 500 // where the broker counts how often it delivers each

	idle       = 500 * time.Millisecond // no message for so long: the queue may be empty
	mostSilent = 20                     // times, though something waits: there is no room for it
	untroubled = 5                      // deliveries that each broker allows, whatever its limit is
)

// A Taking takes letters from a queue, one after the other, the first first. It passes
// over others, keeps them from other readers, and gives them back where they were, all
// in one step, when it closes: to give each back by itself would cost it a delivery more,
// and the order. One goroutine at a time may use it.
type Taking struct {
	queue   Queue
	src     broker.Source
	free    bool // a delivery costs nothing
	counted bool // Next has looked at the first message
	skipped int
	held    int   // of them, in memory
	bytes   int64 // of these
}

// Take begins to take letters, of which underWay at most are unsettled at a time.
func (q Queue) Take(ctx context.Context, underWay int) (*Taking, error) {
	t := &Taking{queue: q, free: q.unlimited(ctx)}
	var err error
	t.src, err = q.On.Source(ctx, q.Channel, broker.Subscription{Prefetch: underWay + t.most(), PrefetchBytes: broker.DefaultPrefetchBytes, Single: q.single})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// most is how many messages are held at most.
func (t *Taking) most() int {
	if t.free {
		return mostHeld
	}
	return mostLimited
}

// ErrNear is why nothing is taken from a queue any more.
var ErrNear = errors.New("the broker would drop messages that are given back to the queue once more, by its delivery limit; give each flow a dead_letter queue of its own, or on RabbitMQ 4 set its x-delivery-limit to -1, which is none, and start the process anew")

// Next returns the next message that is meant, which the caller settles. It returns
// io.EOF where no more waits in the queue; where some are unsettled, they may come back.
func (t *Taking) Next(ctx context.Context, meant func(*eip.Message) bool) (*eip.Message, error) {
	for {
		m, err := t.receive(ctx)
		if err != nil {
			return nil, err
		}
		mine := meant(m)
		if t.near(m, mine) {
			return nil, ErrNear
		}
		if mine {
			return m, nil
		}
		if err := t.passOver(m); err != nil {
			return nil, err
		}
	}
}

// receive returns the next message in the queue. Silence does not mean that a queue is
// empty: it cannot be read at the moment, or the machine is slow.
func (t *Taking) receive(ctx context.Context) (*eip.Message, error) {
	for silent := 0; ; {
		waiting, cancel := context.WithTimeout(ctx, idle)
		m, err := t.src.Receive(waiting)
		over := waiting.Err() != nil
		cancel()
		switch {
		case m != nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !over:
			return nil, err
		}
		if s, ok := t.src.(broker.Troubled); ok && s.Trouble() != nil {
			if trouble := s.Trouble(); trouble.Refused || trouble.Standby {
				return nil, fmt.Errorf("read %s: %w", t.queue, trouble)
			}
			continue
		}
		if silent++; t.queue.On.Status().Connected && (silent > mostSilent || t.queue.isEmpty(ctx)) {
			return nil, io.EOF
		}
	}
}

// isEmpty reports whether nothing waits in the queue, as far as its broker can tell.
func (q Queue) isEmpty(ctx context.Context) bool {
	deep, ok := q.On.(broker.Deep)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, 10*idle)
	defer cancel()
	return deep.Depths(ctx, []broker.Item{{Channel: q.Channel}})[0].Messages == 0
}

// near reports whether the broker may drop m, or those behind it that it has sent as
// well, when they are given back.
func (t *Taking) near(m *eip.Message, mine bool) bool {
	count, _ := m.Headers["x-delivery-count"].(int64)
	limit := t.queue.Limit
	first := !t.counted
	t.counted = true
	switch {
	case t.free, mine && !first:
		return false
	case limit > 0:
		return count+1 >= limit
	case mine:
		return count >= untroubled-1
	}
	return count > 0
}

func (t *Taking) passOver(m *eip.Message) error {
	t.skipped++
	if a, ok := t.src.(broker.Asider); ok && a.SetAside(m) {
		if t.skipped > mostAside {
			return t.tooDeep(mostAside)
		}
		return nil
	}
	t.held++
	if t.bytes += m.Size(); t.held >= t.most() || t.bytes >= mostHeldBytes {
		return t.tooDeep(t.held)
	}
	return nil
}

func (t *Taking) tooDeep(n int) error {
	return fmt.Errorf("%d messages at the head of the queue are not meant, and those behind cannot be reached", n)
}

// Skipped is how many messages were passed over.
func (t *Taking) Skipped() int { return t.skipped }

// Close gives back what was passed over, and what is not settled.
func (t *Taking) Close() error { return t.src.Close() }
