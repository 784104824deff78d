package store

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"strings"

	"github.com/eipd/eipd/eip"
)

func (o *Outbox) act(ctx context.Context, e entry) {
	switch {
	case e.damaged != nil:
		o.env.Log.Error("a message that was to be sent is damaged, and is removed", slog.Any("error", e.damaged))
		o.step(e.key, e.gone)
	case e.message != nil:
		Keep(e.message, o.space, e.gone)
		if e.failed != nil {
			_ = o.env.Fail(ctx, e.message, e.failed)
			return
		}
		_ = o.env.Make(ctx, e.message) // which settles it
	default:
		o.step(e.key, func(tx Tx) error { return o.Due(tx, e.key) })
	}
}

// step changes something that is due.
func (o *Outbox) step(key string, change func(Tx) error) {
	in := o.underway
	o.space.Store().Commit(nil, []Step{{o.space, change}}, func(_ int, err error) {
		if err != nil {
			o.env.Log.Error("what is due cannot be done, will try again", slog.Any("error", err))
		}
		o.ended(in, key, err, true)
	})
}

// sent is the Settler of a message that was sent.
type sent struct {
	outbox *Outbox
	in     *underway
	key    string
}

func (s *sent) Settle(err error) {
	s.outbox.ended(s.in, s.key, err, err != nil || strings.HasPrefix(s.key, linePrefix))
}

// ended is about what is done, or will be due again after a while; again: its key may be due.
// Looking goes through all that is under way, so that it must be worth it.
func (o *Outbox) ended(in *underway, key string, err error, again bool) {
	end := func() {
		o.mu.Lock()
		in.end(key)
		look := again || len(in.sizes) == 0 || o.full && in.isHalf()
		o.mu.Unlock()
		if look {
			o.Poke()
		}
	}
	if err != nil {
		o.env.Clock.AfterFunc(againAfter, end)
		return
	}
	end()
}

// encodeFailure writes down what a message has failed with: whether it is invalid, and
// the text.
func encodeFailure(err error) []byte {
	invalid := byte(0)
	if eip.IsInvalid(err) {
		invalid = 1
	}
	text := err.Error()
	return append(binary.AppendUvarint([]byte{invalid}, uint64(len(text))), text...)
}

// decodeFailure returns also what follows it.
func decodeFailure(b []byte) (rest []byte, failed error) {
	if len(b) < 2 {
		return nil, errors.New("not known")
	}
	length, n := binary.Uvarint(b[1:])
	if n <= 0 || length > uint64(len(b)-1-n) {
		return nil, errors.New("not known")
	}
	text := b[1+n:][:length]
	if failed = errors.New(string(text)); b[0] == 1 {
		failed = eip.Invalid(failed)
	}
	return b[1+n:][length:], failed
}
