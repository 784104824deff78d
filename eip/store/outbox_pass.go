package store

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
)

// underway is what has not ended, or waits a little, of one run of the flow.
type underway struct {
	sizes           map[string]int // of messages, by their keys; [aStep]: it is a step
	messages, bytes int
}

const aStep = -1

const (
	// MostUnderway is how many messages of an Outbox, with so many bytes and one, are under
	// way at any time. A crash doubles no more.
	MostUnderway      = 256
	mostUnderwayBytes = 16 << 20
	// mostSteps is how many steps are under way besides.
	mostSteps = 1000
)

func (u *underway) begin(key string, size int) {
	if u.sizes[key] = size; size != aStep {
		u.messages++
		u.bytes += size
	}
}

func (u *underway) end(key string) {
	size, there := u.sizes[key]
	if delete(u.sizes, key); there && size != aStep {
		u.messages--
		u.bytes -= size
	}
}

// hasRoom reports whether one more may be begun.
func (u *underway) hasRoom(step bool) bool {
	if step {
		return len(u.sizes)-u.messages < mostSteps
	}
	return u.messages < MostUnderway && u.bytes < mostUnderwayBytes
}

// isHalf reports whether so little is under way that it is worth to look for more.
func (u *underway) isHalf() bool {
	return u.messages <= MostUnderway/2 && u.bytes <= mostUnderwayBytes/2
}

func (o *Outbox) run(ctx context.Context) {
	defer close(o.done)
	stopping := o.env.Stopping
	for ctx.Err() == nil {
		next, err := o.pass(ctx)
		if err != nil {
			o.env.Log.Error("what is remembered cannot be read, will try again", slog.Any("error", err))
			next = o.env.Clock.Now().Add(againAfter)
		}
		if o.await(ctx, next, stopping) {
			stopping = nil
		}
	}
}

// await waits until there may be something to do, and reports whether that is because the
// flow stops.
func (o *Outbox) await(ctx context.Context, next time.Time, stopping <-chan struct{}) bool {
	var due <-chan time.Time
	if !next.IsZero() {
		at, t := o.env.Clock.NewTimer(o.env.Clock.Until(next))
		defer t.Stop()
		due = at
	}
	select {
	case <-due:
	case <-o.space.Changed():
	case <-o.poke:
	case <-ctx.Done():
	case <-stopping:
		return true
	}
	return false
}

// entry is something that is due.
type entry struct {
	key     string
	holds   string       // the key of the message: another one where key is a line's
	message *eip.Message // nil: a key of the stage's
	failed  error        // what it has failed with
	damaged error
}

// pass sends and wakes what is due, and returns when more will be; zero: nothing is known.
func (o *Outbox) pass(ctx context.Context) (next time.Time, err error) {
	for ctx.Err() == nil {
		entries, next, err := o.read()
		if err != nil {
			return next, err
		}
		o.goOn()
		if len(entries) == 0 {
			return next, nil
		}
		for _, e := range entries {
			o.act(ctx, e)
		}
	}
	return next, nil
}

// read returns what is due and not under way, as much as there is room for, and sees how
// much more there is.
func (o *Outbox) read() (entries []entry, next time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks()
	now, left, leftBytes := o.env.Clock.Now(), 0, 0
	o.full = false
	err = o.space.View(func(r Reader) error {
		n, bytes := lined(r)
		left, leftBytes = max(n-o.underway.messages, 0), max(bytes-o.underway.bytes, 0)
		for at, key := range r.Due() {
			if at.After(now) {
				next = at
				return nil
			}
			if _, is := o.underway.sizes[key]; is {
				continue
			}
			var value []byte
			e, size := entry{key: key, holds: key}, aStep
			if strings.HasPrefix(key, outboxPrefix) {
				value, _ = r.Get(key)
				if line, ok := strings.CutPrefix(key, linePrefix); ok {
					e.holds, value = firstOf(r, line)
				}
				size = len(value)
			}
			if !o.underway.hasRoom(size == aStep) {
				o.full = true
				left, leftBytes = left+1, leftBytes+max(size, 0)
				if isMuch(left, leftBytes) {
					return nil
				}
				continue
			}
			o.underway.begin(key, size)
			if size != aStep {
				if strings.HasPrefix(key, failsPrefix) {
					value, e.failed = decodeFailure(value)
				}
				e.message, _, e.damaged = wire.Decode(value, &sent{o, o.underway, key})
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		for _, e := range entries {
			o.underway.end(e.key)
		}
		return nil, next, err
	}
	o.looked(left, leftBytes)
	if len(o.underway.sizes) == 0 {
		reached(&o.idle)
		if next.IsZero() {
			reached(&o.empty)
		}
	}
	return entries, next, nil
}
