package stomp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// closeTime is how long the server may take to say that it has read everything.
const closeTime = 2 * time.Second

// consumer is one subscription of a source, on one connection.
type consumer struct {
	source  *source
	conn    *conn
	lasting bool // what is unacknowledged will be delivered again
	feed    chan *delivery
	room    chan struct{} // something was settled
	learned chan string   // identifiers of messages to itself; nil where it needs no address

	since time.Time // when there was no room last, ever since; of take

	mu      sync.Mutex
	held    int64  // bytes that came and are not settled
	count   int    // and how many messages they are
	last    uint64 // the number of the last delivery
	leaving bool   // whatever comes is given back
	firm    uint64 // the last one that the server may not deliver again
}

// delivery is one MESSAGE, and the Settler of the message that is made of it.
type delivery struct {
	consumer *consumer
	frame    *frame.Frame
	ack      string
	number   uint64
	size     int64
	expires  int64
}

// take is called with each frame that comes. While unsettled messages take more than they
// may, it lets the next ones wait in the network.
func (c *consumer) take(f *frame.Frame) error {
	switch {
	case f.Command == "ERROR":
		return refusal(f)
	case f.Command != "MESSAGE":
		return errors.New("the server sends " + f.Command)
	case c.learned != nil && f.Get(probe) != "":
		select {
		case c.learned <- f.Get("message-id"):
		default: // somebody else knocks
		}
		return c.conn.post(c.acknowledgement(first(f, "ack", "message-id")))
	}
	d := &delivery{consumer: c, frame: f, ack: first(f, "ack", "message-id"), expires: c.conn.server.expiresHere(f, time.Now())}
	for _, h := range f.Headers {
		d.size += int64(len(h.Name) + len(h.Value))
	}
	d.size += int64(len(f.Body))
	c.mu.Lock()
	c.last++
	d.number = c.last
	if (!c.lasting || d.expires > 0 || f.Get("persistent") == "") && c.conn.lost() == nil { // else what comes before may have been given up
		c.firm = d.number
	}
	c.held += d.size
	c.count++
	leaving := c.leaving
	c.mu.Unlock()
	if leaving {
		return nil
	}
	if d.number == 1 { // it may come before the receipt, which must not wait behind it
		c.conn.settle(firstReceipt, nil)
	}
	select {
	case c.feed <- d:
	case <-c.conn.dead:
		return c.conn.why
	}
	return c.await()
}

// await waits for room. RabbitMQ reads nothing, neither acknowledgements nor heart-beats,
// while it cannot write what it has in hand, and gives up the connection: before that, it
// gets back all but as many messages as there is room for.
func (c *consumer) await() error {
	if !c.full() {
		c.since = time.Time{}
		return nil
	}
	if c.since.IsZero() {
		c.since = time.Now()
	}
	patience := c.conn.beats.send
	if patience == 0 || c.conn.server != rabbitmq {
		patience = 24 * time.Hour
	}
	look := time.NewTicker(patience / 2)
	defer look.Stop()
	for c.full() {
		select {
		case <-c.room:
		case <-c.conn.dead:
			return c.conn.why
		case <-look.C:
			if time.Since(c.since) >= patience && c.conn.more() {
				c.leave()
			}
		}
	}
	return nil
}

// surplus is the end of a connection by which more messages came than there is room for:
// fewer should.
type surplus struct{ fits int }

func (s surplus) Error() string { return fmt.Sprintf("only %d messages fit", s.fits) }

// leave gives back what comes by this connection, and ends it when the server knows what is
// acknowledged.
func (c *consumer) leave() {
	c.mu.Lock()
	fits := max(1, c.count)
	c.leaving = fits < c.source.sub.Prefetch
	leaving := c.leaving
	c.mu.Unlock()
	if !leaving {
		return
	}
	for range len(c.feed) {
		select {
		case <-c.feed:
		default:
		}
	}
	c.conn.quiet.Store(true)
	_ = c.conn.receipt(frame.New("DISCONNECT"), func(error) { c.conn.end(surplus{fits}) }) // lost, it has ended
}

func (c *consumer) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.leaving && c.held >= int64(c.source.sub.PrefetchBytes)
}

// close lets the server know what is acknowledged, and ends the connection.
func (c *consumer) close() {
	c.bye()
	c.conn.close()
}

func (c *consumer) bye() {
	c.conn.quiet.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	c.drain(ctx)
}

// drain has the receipt read though nobody takes messages any more.
func (c *consumer) drain(ctx context.Context) {
	answered := make(chan error, 1)
	if c.conn.receipt(frame.New("DISCONNECT"), func(err error) { answered <- err }) != nil {
		return
	}
	for {
		select {
		case <-answered:
			return
		case <-c.feed:
		case c.room <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// once makes the message, for one more delivery of it.
func (d *delivery) once(again bool) (*eip.Message, error) {
	s := d.consumer.source
	m, err := d.consumer.conn.server.receive(d.frame, s.Address(), &attempt{d})
	m.Redelivered = m.Redelivered || again
	if m.ReplyTo != "" {
		m = m.WithReplier(s.replier)
	}
	return m, err
}

// acknowledgement is an ACK as the version of the connection has it.
func (c *consumer) acknowledgement(id string) *frame.Frame {
	if c.conn.version == frame.V12 {
		return frame.New("ACK", "id", id)
	}
	return frame.New("ACK", "message-id", id, "subscription", "0")
}

// attempt is the Settler of one delivery to the flow.
type attempt struct{ *delivery }

// Settle acknowledges the message. What failed comes again from here: to give back one
// message, a server knows no way that another one takes the same.
func (a *attempt) Settle(err error) {
	d := a.delivery
	c := d.consumer
	if err != nil && !errors.Is(err, eip.ErrExpired) {
		if c.conn.lost() == nil {
			c.source.again.Put(d)
		}
		return
	}
	if c.conn.lost() == nil {
		_ = c.conn.post(c.acknowledgement(d.ack)) // lost, it comes again
	}
	c.mu.Lock()
	c.held -= d.size
	c.count--
	c.mu.Unlock()
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// Revoked reports whether the server will deliver the message again. To keep the order,
// what comes before a message that it may not deliver again is not revoked either.
func (a *attempt) Revoked() bool {
	c := a.consumer
	if c.conn.lost() == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return a.number > c.firm
}

// Expired reports whether the message has expired while it waited here.
func (a *attempt) Expired() bool { return a.expires > 0 && time.Now().UnixMilli() >= a.expires }
