package eip

import (
	"fmt"
	"sync/atomic"

	"github.com/eipd/eipd/eip/content"
)

// overhead is about what a message takes beside its body and headers.
const overhead = 512

// Size is about how much memory m takes: its body, its headers, its sequence and a constant.
func (m *Message) Size() int64 {
	n := overhead + int64(len(m.Body()))
	if len(m.Headers) > 0 {
		n += sizeOf(m.Headers)
	}
	for s := &m.Sequence; s != nil; s = s.Outer {
		n += int64(len(s.ID))
	}
	return n
}

func sizeOf(value any) (n int64) {
	const each = 16
	switch v := value.(type) {
	case string:
		n = int64(len(v))
	case []byte:
		n = int64(len(v))
	case Headers:
		return sizeOf(map[string]any(v))
	case map[string]any:
		for name, v := range v {
			n += int64(len(name)) + sizeOf(v)
		}
	case []any:
		for _, v := range v {
			n += sizeOf(v)
		}
	}
	return n + each
}

// load is how many messages are in flight, and how many bytes these take: both in one
// number, as each message changes both.
type load struct{ atomic.Int64 }

// oneMessage is a message of no bytes. What is below counts bytes.
const oneMessage = 1 << 40

func (l *load) messages() int64 { return l.Load() / oneMessage }

// isWindowOpen reports whether the window has room for one more message, of any size, and
// nothing halts the flow.
func (x *run) isWindowOpen() bool {
	n := x.inFlight.Load()
	return n/oneMessage < x.window(n/oneMessage) && n%oneMessage < int64(x.WindowBytes) && !x.pendingDeadLetters.halted.Load()
}

// isIdle reports whether nothing is in flight.
func (x *run) isIdle() bool { return x.inFlight.messages() == 0 }

// Charge counts n bytes more among those that m's flow holds, until m is settled: of
// what is made of its body and kept with it. Less than 0 gives back what is gone before.
func (m *Message) Charge(n int64) { m.receipt.charge(n) }

// charge counts n bytes more that the flow holds for a message: a body that was made
// of it, while the first one is kept for another attempt. Of a message that has settled
// nothing is counted: who looks at it without holding it may make one too.
func (r *receipt) charge(n int64) {
	if r != nil && r.run != nil && r.hold() {
		atomic.AddInt64(&r.size, n)
		if r.run.inFlight.Add(n); n < 0 {
			r.run.moveUp()
		}
		r.release(nil)
	}
}

// longest is what m's body may become when its encoding is undone.
func (r *receipt) longest() int64 {
	if r != nil && r.run != nil && r.run.MaxBody > 0 {
		return int64(r.run.MaxBody)
	}
	return content.MaxDecoded
}

// tooLarge is why m is not let in; nil where it is.
func (x *run) tooLarge(m *Message) error {
	if x.MaxBody == 0 || int64(len(m.Body())) <= int64(x.MaxBody) {
		return nil
	}
	return Invalid(fmt.Errorf("the body has %d bytes, and max_body is %v", len(m.Body()), x.MaxBody))
}
