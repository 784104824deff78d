package amqp_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/internal/rabbit"
)

// few bounds what may come twice after one fault: what was under way is published
// again, and is delivered again.
const few = 2 * 200

func (r *rig) expect(faults int) {
	r.Helper()
	if doubled := r.check(); doubled > few*faults {
		r.Errorf("%d messages came twice, over %d faults with %d under way", doubled, faults, few)
	} else {
		r.Logf("%d messages came twice", doubled)
	}
	if s, _ := r.flow.Counts(); s.DeadLettered+s.Invalid > 0 {
		r.Errorf("messages failed: %+v", s)
	}
}

func TestFault_NodeKilled(t *testing.T) {
	r := start(t, 0, nil)
	r.node.Sync(t)
	r.n = 10_000
	r.fill()
	r.sent(2_000)
	r.node.Kill()
	until(t, "the loss is noticed", func() bool { return !r.broker.Status().Connected })
	if s := r.broker.Status(); s.Waiting == "" {
		t.Errorf("the status is %+v", s)
	}
	r.node.Restart(t)
	// What was acknowledged shortly before is unread to a node that was killed.
	r.Logf("%d messages came twice", r.check())
}

func TestFault_Cut(t *testing.T) {
	r := start(t, 10_000, nil)
	for i := range int64(5) {
		r.sent(1_000 + 1_500*i)
		r.network.Cut()
	}
	r.expect(5)
}

// What a black hole swallows for a while arrives; a longer one is noticed.
func TestFault_Hole(t *testing.T) {
	r := start(t, 10_000, nil)
	r.sent(1_000)
	r.network.Hole()
	r.network.Open()
	r.sent(3_000)
	r.network.Hole()
	until(t, "the hole is noticed", func() bool { return !r.broker.Status().Connected })
	r.network.Cut()
	r.network.Open()
	r.sent(6_000)
	r.network.Hole()
	r.network.Cut()
	r.network.Open()
	r.expect(2)
}

// A slow network is slow, and no reason to connect anew.
func TestFault_Slow(t *testing.T) {
	r := start(t, 5_000, nil)
	r.sent(500)
	r.network.Slow(20_000)
	r.sent(700)
	r.network.Slow(0)
	if doubled := r.check(); doubled > 0 {
		t.Errorf("%d messages came twice", doubled)
	}
}

// A connection that ends in the middle of a frame.
func TestFault_Snip(t *testing.T) {
	r := start(t, 10_000, nil)
	for i := range int64(5) {
		r.sent(1_000 + 1_500*i)
		r.network.Snip()
	}
	r.expect(5)
}

func TestFault_NodeFrozen(t *testing.T) {
	r := start(t, 10_000, nil)
	r.sent(2_000)
	r.node.Freeze(t)
	until(t, "it is noticed", func() bool { return !r.broker.Status().Connected })
	r.node.Thaw(t)
	r.expect(1)
}

// An alarm blocks publishing, and nothing else: no message comes twice for it.
func TestFault_MemoryAlarm(t *testing.T) {
	r := start(t, 20_000, nil)
	r.sent(1_000)
	r.node.Memory(t, 0)
	until(t, "the alarm is noticed", func() bool {
		s := r.broker.Status()
		return !s.Connected && strings.Contains(s.Waiting, "memory")
	})
	r.node.Memory(t, 0.4)
	until(t, "the alarm is over", func() bool { return r.broker.Status().Connected })
	if doubled := r.check(); doubled > 0 {
		t.Errorf("%d messages came twice", doubled)
	}
}

func TestFault_SourceDeleted(t *testing.T) {
	r := start(t, 0, nil)
	ch := r.node.Channel(t)
	_, err := ch.QueueDelete(r.in.Address, false, false, false)
	r.mustNot(err)
	until(t, "the queue is declared again", func() bool {
		ch := r.node.Channel(t)
		q, err := ch.QueueDeclarePassive(r.in.Address, true, false, false, false, nil)
		return err == nil && q.Consumers == 1
	})
	r.n = 100
	r.fill()
	r.expect(0)
}

// A queue that is gone beneath its sender is declared again, and the order kept.
func TestFault_TargetDeleted(t *testing.T) {
	r := start(t, 0, nil)
	_, err := r.node.Channel(t).QueueDelete(r.out.Address, false, false, false)
	r.mustNot(err)
	r.n = 3_000
	r.fill()
	r.expect(0)
}

// A queue that is not to be declared, and is gone, fails each message, until it is
// there again.
func TestFault_TargetMissing(t *testing.T) {
	ch := rabbit.Shared(t).Channel(t)
	r := start(t, 0, func(r *rig) {
		r.out.Declare = false
		_, err := ch.QueueDeclare(r.out.Address, true, false, false, false, nil)
		r.mustNot(err)
		r.flow.Retry = eip.Retry{Attempts: 1_000_000, Delay: time.Millisecond, MaxDelay: time.Millisecond}
	})
	_, err := ch.QueueDelete(r.out.Address, false, false, false)
	r.mustNot(err)
	r.n = 1
	r.fill()
	until(t, "it is tried again", func() bool { return r.counts().Retried > 10 })
	_, err = ch.QueueDeclare(r.out.Address, true, false, false, false, nil)
	r.mustNot(err)
	r.expect(0)
}

// What a full queue refuses is tried again.
func TestFault_QueueFull(t *testing.T) {
	r := start(t, 500, func(r *rig) {
		r.out.MaxLength = 20
		r.flow.Retry = eip.Retry{Attempts: 1_000_000, Delay: time.Millisecond, MaxDelay: time.Millisecond}
	})
	until(t, "some are refused", func() bool { return r.counts().Retried > 0 })
	got, err := r.node.Channel(t).Consume(r.out.Address, "", true, false, false, false, nil)
	r.mustNot(err)
	seen := map[string]bool{}
	for range r.n {
		d := <-got
		if seen[string(d.Body)] {
			t.Errorf("%.40q came twice", d.Body)
		}
		seen[string(d.Body)] = true
	}
}

// What makes the server close the channel fails, and nothing beside it.
func TestFault_MessageClosesChannel(t *testing.T) {
	failed := make(chan string, 10)
	r := start(t, 1_000, func(r *rig) {
		r.flow.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			if strings.HasPrefix(string(m.Body()), "500 ") {
				bad := m.With(func(m *eip.Message) { m.ReplyTo = "amq.rabbitmq.reply-to" }) // without a consumer there
				settled := make(chan error, 1)
				eip.Deliver(ctx, next, bad.Fork(func(err error) { settled <- err }))
				release := m.Hold()
				go func() {
					err := <-settled
					if !eip.IsPermanent(err) {
						t.Errorf("the message settled with %v", err)
					}
					failed <- "500"
					release(nil)
				}()
				return next.Handle(ctx, m)
			}
			return next.Handle(ctx, m)
		})}
	})
	<-failed
	r.expect(1)
}

// Headers that no frame holds go to the dead-letter channel without them.
func TestFault_HeadersTooLarge(t *testing.T) {
	b := open(t, config(t, rabbit.Shared(t).URL()))
	defer b.Close()
	out, dead := queue(t, "out"), queue(t, "dead")
	to, err := b.Sender(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	graves, err := b.Sender(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 300_000)
	settled := make(chan error, 3)
	f := &eip.Flow{Name: "flow", To: to, DeadLetter: graves, Source: &list{messages: []*eip.Message{
		eip.New([]byte("1"), func(err error) { settled <- err }).WithHeader("large", large),
		eip.New([]byte("2"), func(err error) { settled <- err }).WithHeader("large", eip.Headers{large[:300]: 1}),
		eip.New([]byte("3"), func(err error) { settled <- err }).With(func(m *eip.Message) { m.Type = large }),
	}}}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	src, err := b.Source(t.Context(), dead, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-settled; err != nil {
			t.Errorf("settled with %v", err)
		}
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		why, _ := m.Headers[header.Stripped].(string)
		if !strings.Contains(why, "bytes") || m.Headers["large"] != nil || m.Type != "" || m.Headers[header.Flow] != "flow" {
			t.Errorf("message %s is %+v", m.Body(), m)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
}

// list is a source of some messages.
type list struct{ messages []*eip.Message }

func (l *list) Receive(context.Context) (*eip.Message, error) {
	if len(l.messages) == 0 {
		return nil, io.EOF
	}
	m := l.messages[0]
	l.messages = l.messages[1:]
	return m, nil
}

func TestFault_AbsentAtStart(t *testing.T) {
	n := rabbit.Shared(t)
	n.Kill()
	b := open(t, config(t, n.URL()))
	q := queue(t, "q")
	type opened struct {
		broker.Source
		err error
	}
	got := make(chan opened, 1)
	go func() {
		src, err := b.Source(t.Context(), q, broker.Subscription{})
		got <- opened{src, err}
	}()
	until(t, "it waits", func() bool { return strings.Contains(b.Status().Waiting, "connection refused") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Sender(ctx, q); err == nil || !strings.Contains(err.Error(), "wait for RabbitMQ at") {
		t.Errorf("a sender that gave up waiting says %v", err)
	}
	n.Restart(t)
	src := <-got
	if src.err != nil {
		t.Fatal(src.err)
	}
	if err := n.Channel(t).Publish("", q.Address, true, false, amqp091.Publishing{Body: []byte("here")}); err != nil {
		t.Fatal(err)
	}
	if m, err := src.Receive(t.Context()); err != nil || string(m.Body()) != "here" {
		t.Errorf("received %v, %v", m, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
