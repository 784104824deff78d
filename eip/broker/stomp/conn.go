package stomp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

const (
	mostUnwritten = 1 << 20 // bytes of frames, before who sends has to wait
	answerTime    = 10 * time.Second
	firstReceipt  = "1" // of what is asked first on a connection
)

// conn is one connection to a server. Whoever dials gives it a handler, which the
// goroutine that reads calls with each frame but receipts.
type conn struct {
	wire    net.Conn
	version string
	server  server
	peer    string // how the server calls itself
	reader  *frame.Reader
	beats   beats
	dead    chan struct{} // closed when it is lost
	ended   sync.WaitGroup

	mu       sync.Mutex
	why      error // that it is lost
	out      []byte
	wake     chan struct{}
	drained  chan struct{} // closed when there is room again; nil where nobody waits
	receipts map[string]func(error)
	last     uint64 // receipt

	quiet atomic.Bool // its end is ours
}

// start reads and writes until the connection is lost. on is called with each frame that
// is no receipt; what it returns ends the connection.
func (k *conn) start(on func(*frame.Frame) error) {
	k.ended.Go(func() { k.read(on) })
	k.ended.Go(k.write)
}

func (k *conn) read(on func(*frame.Frame) error) {
	k.beats.listen()
	for {
		f, err := k.reader.Read()
		switch {
		case err != nil:
			err = k.beats.explain(err)
		case f.Command == "RECEIPT":
			k.settle(f.Get("receipt-id"), nil)
		case f.Command == "ERROR" && k.settle(f.Get("receipt-id"), refusal(f)):
		default:
			err = on(f)
		}
		if err != nil {
			k.end(err)
			return
		}
	}
}

// more reports whether something waits to be read. It is for the goroutine that reads.
func (k *conn) more() bool {
	k.beats.glance = true
	defer func() { k.beats.glance = false }()
	return k.reader.More()
}

// settle tells who waits for a receipt.
func (k *conn) settle(id string, err error) bool {
	k.mu.Lock()
	done := k.receipts[id]
	delete(k.receipts, id)
	k.mu.Unlock()
	if done == nil {
		return false
	}
	done(err)
	return true
}

// end closes the connection. Who waits for a receipt is told why.
func (k *conn) end(why error) {
	k.mu.Lock()
	if k.why != nil {
		k.mu.Unlock()
		return
	}
	k.why = why
	waiting := k.receipts
	k.receipts = nil
	close(k.dead)
	k.mu.Unlock()
	_ = k.wire.Close()
	for _, done := range waiting {
		done(broker.ErrLost)
	}
}

// lost reports whether the connection is lost, and why.
func (k *conn) lost() error {
	select {
	case <-k.dead:
		return k.why
	default:
		return nil
	}
}

// close ends the connection and what it runs.
func (k *conn) close() {
	k.quiet.Store(true)
	k.end(errors.New("closed"))
	k.ended.Wait()
}

// post queues a frame. It does not wait.
func (k *conn) post(f *frame.Frame) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.queue(f)
}

// queue is post with the lock.
func (k *conn) queue(f *frame.Frame) error {
	if k.why != nil {
		return broker.ErrLost
	}
	at := len(k.out)
	out, err := f.Append(k.out, k.version)
	if err != nil {
		k.out = out[:at]
		return err
	}
	k.out = out
	select {
	case k.wake <- struct{}{}:
	default:
	}
	return nil
}

// receipt queues a frame that the server is to answer for. done is called once, from
// another goroutine, unless an error is returned.
func (k *conn) receipt(f *frame.Frame, done func(error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.why != nil {
		return broker.ErrLost
	}
	k.last++
	id := strconv.FormatUint(k.last, 10)
	f.Add("receipt", id)
	k.receipts[id] = done
	err := k.queue(f)
	if err != nil {
		delete(k.receipts, id)
	}
	return err
}

// ask sends a frame and waits for its receipt.
func (k *conn) ask(ctx context.Context, f *frame.Frame) error {
	answer := make(chan error, 1)
	if err := k.receipt(f, func(err error) { answer <- err }); err != nil {
		return err
	}
	t := time.NewTimer(answerTime)
	defer t.Stop()
	select {
	case err := <-answer:
		if errors.Is(err, broker.ErrLost) { // the connection's own word says more
			return k.lost()
		}
		return err
	case <-t.C:
		return fmt.Errorf("the server does not answer %s", f.Command)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// room waits until little is unwritten.
func (k *conn) room(ctx context.Context) error {
	for {
		k.mu.Lock()
		if len(k.out) < mostUnwritten || k.why != nil {
			k.mu.Unlock()
			return nil
		}
		if k.drained == nil {
			k.drained = make(chan struct{})
		}
		drained := k.drained
		k.mu.Unlock()
		select {
		case <-drained:
		case <-k.dead:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write writes what is queued, many frames at a time, and heart-beats in between.
func (k *conn) write() {
	beat := time.NewTicker(k.beats.every())
	defer beat.Stop()
	var spare []byte
	for idle := true; ; {
		var b []byte
		select {
		case <-k.wake:
			k.mu.Lock()
			b, k.out = k.out, spare[:0]
			if k.drained != nil {
				close(k.drained)
				k.drained = nil
			}
			k.mu.Unlock()
			idle = false
		case <-beat.C:
			if idle {
				b = []byte{'\n'}
			}
			idle = true
		case <-k.dead:
			return
		}
		if len(b) > 0 {
			if _, err := k.wire.Write(b); err != nil {
				k.end(err)
				return
			}
		}
		if spare = b; cap(b) > 2*mostUnwritten {
			spare = nil
		}
	}
}
