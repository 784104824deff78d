package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// mostPublished is how much may wait to be published. Beyond it, it is dropped and
// counted: it must not disturb the flows, nor wait for a broker that is away.
const mostPublished = 1000

// publisher sends what the process says by itself to topics of a broker.
type publisher struct {
	queue   chan published
	dropped atomic.Int64
}

type published struct {
	topic string
	body  []byte
}

// Publish begins to publish on b: a Record of every command that was not merely to
// read, to eip.audit, and statistics, as often as StatisticsEvery or a command says, to
// eip.statistics.
func (s *Server) Publish(b broker.Broker) {
	p := &publisher{queue: make(chan published, mostPublished)}
	if !s.publisher.CompareAndSwap(nil, p) {
		return
	}
	s.busy.Go(func() { p.run(s, b) })
	s.busy.Go(func() { s.publishStats(p) })
}

func (p *publisher) put(topic string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		return // what it is made of was decoded from JSON, or is ours
	}
	select {
	case p.queue <- published{topic, body}:
	default:
		p.dropped.Add(1)
	}
}

func (p *publisher) run(s *Server, b broker.Broker) {
	out := outbox{b, map[string]broker.Sender{}}
	defer out.close()
	refused := map[string]time.Time{}
	for {
		var next published
		select {
		case next = <-p.queue:
		case <-s.ctx.Done():
			return
		}
		if time.Since(refused[next.topic]) < time.Minute {
			p.dropped.Add(1)
			continue
		}
		if err := out.send(s.ctx, openTimeout, topicAt(next.topic), jsonMessage(next.body, s.Instance)); err != nil && s.ctx.Err() == nil {
			p.dropped.Add(1)
			refused[next.topic] = time.Now()
			s.Log.Warn("control bus: cannot publish", slog.String("topic", next.topic), slog.Any("error", err), slog.Int64("dropped_so_far", p.dropped.Load()))
		}
	}
}

func topicAt(address string) broker.Channel {
	return broker.Channel{Kind: broker.Topic, Address: address, Durable: true, Declare: true}
}

// An outbox sends to topics, which it opens when there is something for them first.
type outbox struct {
	broker  broker.Broker
	senders map[string]broker.Sender // by address
}

func (o *outbox) send(ctx context.Context, within time.Duration, topic broker.Channel, m *eip.Message) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	to := o.senders[topic.Address]
	if to == nil {
		var err error
		if to, err = o.broker.Sender(ctx, topic); err != nil {
			return err
		}
		o.senders[topic.Address] = to
	}
	return eip.Await(ctx, to, m)
}

func (o *outbox) close() {
	for _, to := range o.senders {
		_ = to.Close() // what is not out is lost, as it may be
	}
}

// jsonMessage makes a message of the bus.
func jsonMessage(body []byte, key string) *eip.Message {
	m := eip.New(body, nil)
	m.ID, m.Timestamp, m.ContentType, m.Key = eip.NewID(), time.Now(), "application/json", key
	return m
}

// Published is what goes to eip.statistics.
type Published struct {
	V        int            `json:"v"`
	Instance string         `json:"instance"`
	Time     time.Time      `json:"time"`
	Stats    map[string]any `json:"stats"` // as of the command stats
}
