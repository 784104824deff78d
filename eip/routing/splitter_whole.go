package routing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"strconv"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/sequence"
)

// A whole is a message that is split.
type whole struct {
	stage    *Splitter
	message  *eip.Message
	sequence eip.Sequence // of its parts, but for their numbers

	mu      sync.Mutex
	pending int // parts that are under way, and one while there may be more
	failed  error
	release func(error)
}

func (s *Splitter) whole(m *eip.Message, n int) *whole {
	id := m.ID
	if id == "" { // nobody can know its parts again
		id = eip.NewID()
	}
	return &whole{stage: s, message: m, sequence: eip.Sequence{ID: id, Size: n, Outer: sequence.Outer(m.Sequence)}}
}

// A partContent is the body of a part that is no message yet.
type partContent struct {
	body        []byte
	contentType string
}

// content makes a part's body.
func (w *whole) content(ctx context.Context, index int, p piece) (c partContent, err error) {
	was := w.message.ContentType
	if body := w.stage.Body; body != nil {
		seen, err := p.document(index)
		if err != nil {
			return c, eip.Invalid(fmt.Errorf("part %d: %w", index+1, err))
		}
		if p.value, err = body(ctx, w.message, seen); err != nil {
			return c, fmt.Errorf("body of part %d: %w", index+1, err)
		}
		p.body = nil
	}
	switch {
	case p.body == nil:
		m, err := eip.New(nil, nil).With(func(m *eip.Message) { m.ContentType = was }).WithValue(p.value, "")
		if err != nil {
			return c, fmt.Errorf("part %d: %w", index+1, err)
		}
		return partContent{m.Body(), m.ContentType}, nil
	case !p.text:
		return partContent{p.body, "application/json"}, nil
	case was == "" || content.FormatOf(was) == content.Text:
		return partContent{p.body, was}, nil
	}
	return partContent{p.body, "text/plain; charset=utf-8"}, nil
}

// document is what expressions see of a piece.
func (p piece) document(index int) (*eip.Message, error) {
	raw, err := p.json()
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, len(raw)+40), `{"index":`...)
	b = append(strconv.AppendInt(b, int64(index), 10), `,"part":`...)
	return document(append(append(b, raw...), '}')), nil
}

// part makes a message of a part, when there is room for it.
func (w *whole) part(ctx context.Context, number int, c partContent, settled func(error)) (*eip.Message, error) {
	s, size := w.stage, int64(len(c.body))
	if err := s.room.take(ctx, s.InFlight.Load, size); err != nil {
		return nil, err
	}
	var part *eip.Message
	part = w.message.Fork(func(err error) {
		s.room.give(size)
		settled(s.discreet(part, err))
	}).WithBody(c.body).With(func(m *eip.Message) {
		m.ContentType, m.Encoding, m.Sequence = c.contentType, "", w.sequence
		m.Sequence.Number = number
		m.ID = partID(s.env.Address, w.sequence.ID, number)
	})
	return part, nil
}

// discreet is an error of a message as others may read it.
func (s *Splitter) discreet(m *eip.Message, err error) error {
	if err == nil || s.env.Discreet == nil {
		return err
	}
	return s.env.Discreet(m, err)
}

// partID is the same whenever a message with an identifier is split here.
func partID(address, whole string, number int) string {
	h := sha256.New()
	for _, text := range []string{address, whole} {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	h.Write(binary.AppendUvarint(nil, uint64(number)))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// spread passes the parts on, and holds the message until all have settled.
func (w *whole) spread(ctx context.Context, pieces iter.Seq[piece], next eip.Handler) (err error) {
	s, together := w.stage, w.stage.fails()
	w.pending, w.release = 1, w.message.Hold()
	defer func() { w.settled(0, nil) }()
	if !together {
		w.message.Absorb()
	}
	number := 0
	for p := range pieces {
		if together && w.trouble() != nil {
			return nil // the message fails with it
		}
		c, err := w.content(ctx, number, p)
		if err != nil {
			return err
		}
		number++
		this := number
		part, err := w.part(ctx, this, c, func(err error) { w.settled(this, err) })
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.pending++
		w.mu.Unlock()
		if together {
			w.message.Sent(1)
			eip.Deliver(ctx, next, part)
		} else if s.env.Make(ctx, part) != nil {
			return nil
		}
	}
	return nil
}

func (w *whole) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// settled is about a part that has settled; 0: there is no further one.
func (w *whole) settled(number int, err error) {
	w.mu.Lock()
	if err != nil && w.failed == nil {
		w.failed = fmt.Errorf("part %d: %w", number, err)
	}
	w.pending--
	failed, all := w.failed, w.pending == 0
	w.mu.Unlock()
	if all {
		w.release(failed)
	}
}
