package amqp

import (
	"bufio"
	"encoding/binary"
	"io"
	"sync"

	"github.com/eipd/eipd/eip"
)

const (
	frameMethod  = 1
	frameHeader  = 2
	frameAround  = 8 // type, channel, size; end
	maxFrame     = 128 << 10
	propertyList = 14 // where a header frame's properties begin, behind their flags
	expires      = 1  // of the first of these
)

// rawHeaders is the header that a header table goes by that the library would not
// read. Nobody else can know it.
var rawHeaders = "raw-" + eip.NewID()

// inbound reads frames on behalf of the library, which closes a connection over a
// message whose headers are nested deeply, or many: the message would come again,
// for ever. Such a header table goes on as one value of bytes, for receive to
// decode. It tells each consumer's window what comes, and drops what that does not
// want.
type inbound struct {
	from     *bufio.Reader
	left     int       // of the frame that is passed on
	changed  []byte    // a frame to pass on instead
	contents []content // by AMQP channel

	mu      sync.Mutex
	windows map[string]*window // by the consumer's tag
}

// content is a delivery that comes on an AMQP channel.
type content struct {
	window *window // nil: nobody's
	tag    uint64
	drop   bool
}

func newInbound(from io.Reader) *inbound {
	return &inbound{from: bufio.NewReaderSize(from, maxFrame+frameAround), windows: map[string]*window{}}
}

func (r *inbound) follow(tag string, w *window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.windows[tag] = w
}

func (r *inbound) forget(tag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.windows, tag)
}

// delivery returns whose delivery a method frame's payload begins.
func (r *inbound) delivery(p []byte) (c content) {
	const deliver, redelivered = 60<<16 | 60, 1
	if len(p) < 5 || binary.BigEndian.Uint32(p) != deliver || len(p) < 5+int(p[4])+9 {
		return c
	}
	tag, rest := p[5:5+p[4]], p[5+p[4]:]
	r.mu.Lock()
	c.window = r.windows[string(tag)]
	r.mu.Unlock()
	if c.window != nil {
		c.tag = binary.BigEndian.Uint64(rest)
		c.drop = !c.window.admit(c.tag, rest[8]&redelivered != 0)
	}
	return c
}

func (r *inbound) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if n > 0 && r.left == 0 && len(r.changed) == 0 && r.from.Buffered() < 7 {
			return n, nil // what follows must be waited for
		}
		k, err := r.some(p[n:])
		n += k
		if n > 0 || err != nil && k == 0 {
			if err != nil || r.from.Buffered() == 0 && len(r.changed) == 0 {
				return n, err
			}
		}
	}
	return n, nil
}

// some reads of one frame.
func (r *inbound) some(p []byte) (int, error) {
	if len(r.changed) > 0 {
		n := copy(p, r.changed)
		r.changed = r.changed[n:]
		return n, nil
	}
	if r.left == 0 {
		if err := r.begin(); err != nil {
			return 0, err
		}
		if len(r.changed) > 0 {
			return r.some(p)
		}
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// begin looks at the next frame.
func (r *inbound) begin() error {
	start, err := r.from.Peek(7)
	if err != nil {
		return err
	}
	r.left = int(binary.BigEndian.Uint32(start[3:])) + frameAround
	kind, channel := start[0], binary.BigEndian.Uint16(start[1:])
	var frame []byte
	if (kind == frameMethod || kind == frameHeader) && r.left <= maxFrame+frameAround {
		if frame, err = r.from.Peek(r.left); err != nil {
			return err
		}
	}
	for int(channel) >= len(r.contents) {
		r.contents = append(r.contents, content{})
	}
	c := &r.contents[channel]
	if kind == frameMethod && frame != nil {
		*c = r.delivery(frame[7:])
	}
	switch {
	case c.drop:
		_, err = r.from.Discard(r.left)
		r.left = 0
		return err
	case kind != frameHeader:
		return nil
	case c.window != nil:
		head, err := r.from.Peek(7 + propertyList) // also of a frame that is too large to be looked at
		if err != nil {
			return err
		}
		c.window.arrive(c.tag, int64(binary.BigEndian.Uint64(head[7+4:]))+int64(r.left)+overhead, head[7+propertyList-2]&expires != 0)
	}
	if frame == nil {
		return nil
	}
	at, size, ok := headerTable(frame[7 : len(frame)-1])
	if !ok || readable(frame[7+at+4:7+at+4+size], true, 0) {
		return nil
	}
	r.changed = wrap(frame, 7+at, size)
	_, err = r.from.Discard(r.left)
	r.left = 0
	return err
}

// headerTable finds the header table in a header frame's payload.
func headerTable(p []byte) (at, size int, ok bool) {
	const contentType, encoding, headers = 1 << 15, 1 << 14, 1 << 13
	if len(p) < propertyList {
		return 0, 0, false
	}
	flags := binary.BigEndian.Uint16(p[propertyList-2:])
	if flags&headers == 0 {
		return 0, 0, false
	}
	at = propertyList
	for _, flag := range []uint16{contentType, encoding} {
		if flags&flag != 0 {
			if at >= len(p) {
				return 0, 0, false
			}
			at += 1 + int(p[at])
		}
	}
	if at+4 > len(p) {
		return 0, 0, false
	}
	size = int(binary.BigEndian.Uint32(p[at:]))
	return at, size, size <= len(p)-at-4
}

// wrap returns the frame with the header table at that place as one value.
func wrap(frame []byte, at, size int) []byte {
	table := frame[at+4 : at+4+size]
	field := make([]byte, 0, 1+len(rawHeaders)+5)
	field = append(append(field, byte(len(rawHeaders))), rawHeaders...)
	field = binary.BigEndian.AppendUint32(append(field, 'x'), uint32(size))

	changed := make([]byte, 0, len(frame)+len(field))
	changed = append(changed, frame[:at]...)
	changed = binary.BigEndian.AppendUint32(changed, uint32(len(field)+size))
	changed = append(append(changed, field...), table...)
	changed = append(changed, frame[at+4+size:]...)
	binary.BigEndian.PutUint32(changed[3:], uint32(len(changed)-frameAround))
	return changed
}
