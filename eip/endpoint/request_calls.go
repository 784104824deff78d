package endpoint

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// calls are the requests that wait for their replies, by correlation identifier.
// Its Handle takes replies from an inbox, its Reply those of a service that
// replies to the message itself.
type calls struct {
	mu      sync.Mutex
	prefix  string // differs with each opening, so that replies to an earlier one match nothing
	last    uint64
	waiting map[string]*call

	requests, replies, timedOut, failed, unmatched int64
	roundTrips                                     eip.Histogram
}

// A call is one request. What came of it may be read once done is closed.
type call struct {
	*calls
	id    string
	sent  time.Time
	done  chan struct{}
	reply *eip.Message
	err   error
}

var errTimedOut = errors.New("timed out")

func (c *calls) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefix = eip.NewID() + "-"
	c.waiting = map[string]*call{}
}

// call enters a new request.
func (c *calls) call() *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.last++
	n := &call{calls: c, id: c.prefix + strconv.FormatUint(c.last, 36), sent: time.Now(), done: make(chan struct{})}
	c.waiting[n.id] = n
	return n
}

// end says what came of a call. Only the first word counts.
func (c *call) end(reply *eip.Message, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[c.id] == c {
		c.ended(reply, err)
	}
}

// ended wants the lock.
func (c *call) ended(reply *eip.Message, err error) {
	delete(c.waiting, c.id)
	c.reply, c.err = reply, err
	switch err {
	case nil:
		c.replies++
		c.roundTrips.Record(time.Since(c.sent))
	case errTimedOut:
		c.timedOut++
	default:
		c.failed++
	}
	close(c.done)
}

// Handle gives a reply to the call that waits for it. One that is late, doubled or
// unknown is dropped.
func (c *calls) Handle(_ context.Context, reply *eip.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting := c.waiting[reply.CorrelationID]; waiting != nil {
		waiting.ended(reply, nil)
	} else {
		c.unmatched++
	}
	return nil
}

// Reply takes a reply that did not come by the inbox.
func (c *calls) Reply(ctx context.Context, _, reply *eip.Message) error { return c.Handle(ctx, reply) }

func (c *calls) counts() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return map[string]int64{"requests": c.requests, "replies": c.replies, "outstanding": int64(len(c.waiting)),
		"timed_out": c.timedOut, "failed": c.failed, "unmatched": c.unmatched}
}
