package eip

import "fmt"

// overhead is about what a message takes beside its body and headers.
const overhead = 512

// DefaultWindowBytes is the budget of a flow that has no other.
const DefaultWindowBytes = 64 << 20

// Size is about how much memory m takes: its body, its headers and a constant.
func (m *Message) Size() int64 {
	n := overhead + int64(len(m.Body()))
	for name, v := range m.Headers {
		n += int64(len(name)) + sizeOf(v)
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

// settledSize is the size of a receipt whose message the flow holds no more.
const settledSize = -1

// charge counts n bytes more that the flow holds for a message: a body that was made
// of it, while the first one is kept for another attempt.
func (r *receipt) charge(n int64) {
	if r == nil || r.run == nil {
		return
	}
	for {
		size := r.size.Load()
		if size == settledSize {
			return
		}
		if r.size.CompareAndSwap(size, size+n) {
			r.run.held.Add(n)
			return
		}
	}
}

// hold sets what the flow holds for a message.
func (x *run) hold(r *receipt, size int64) {
	before := r.size.Swap(size)
	x.held.Add(max(size, 0) - max(before, 0))
}

// hasRoom reports whether the window has room for one more message, of any size.
func (x *run) hasRoom() bool {
	return x.inFlight.Load() < int64(x.Window) && x.held.Load() < int64(x.WindowBytes)
}

// tooLarge is why m is not let in; nil where it is.
func (x *run) tooLarge(m *Message) error {
	if x.MaxBody == 0 || int64(len(m.Body())) <= int64(x.MaxBody) {
		return nil
	}
	return Invalid(fmt.Errorf("the body has %d bytes, and max_body is %v", len(m.Body()), x.MaxBody))
}
