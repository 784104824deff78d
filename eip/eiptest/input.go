package eiptest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/eipd/eipd/eip"
)

// input is a message that the suite gives to a stage.
type input struct {
	*eip.Message
	before *eip.Message
	body   []byte

	mu   sync.Mutex
	errs []error
}

// newInput makes a fresh message that is like m.
func newInput(m *eip.Message) *input {
	in := &input{body: slices.Clone(m.Body())}
	in.Message = m.WithBody(slices.Clone(m.Body())).With(func(c *eip.Message) { c.Headers = clone(m.Headers).(eip.Headers) }).
		Fork(func(err error) {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.errs = append(in.errs, err)
		})
	in.before = in.With(func(c *eip.Message) { c.Headers = clone(m.Headers).(eip.Headers) })
	return in
}

func (in *input) outcomes() []error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.errs)
}

func (in *input) settled() bool { return len(in.outcomes()) > 0 }

// changed says what the stage changed in the message; "" where nothing.
func (in *input) changed() string {
	if !bytes.Equal(in.Body(), in.body) {
		return fmt.Sprintf("its body was changed to %q", in.Body())
	}
	if !reflect.DeepEqual(in.WithReplier(nil), in.before.WithReplier(nil)) {
		return fmt.Sprintf("it was changed from %+v to %+v", in.before, in.Message)
	}
	return ""
}

// clone copies a header value with all that is in it.
func clone(v any) any {
	switch v := v.(type) {
	case eip.Headers:
		if v == nil {
			return v
		}
		c := make(eip.Headers, len(v))
		for name, value := range v {
			c[name] = clone(value)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = clone(v[i])
		}
		return c
	case []byte:
		return slices.Clone(v)
	}
	return v
}

// target is a handler that behaves as it is told.
type target struct {
	behaviour
	instead eip.Handler // handles, where set

	mu   sync.Mutex
	n    int
	held []func(error)
}

func (h *target) Handle(ctx context.Context, m *eip.Message) error {
	h.mu.Lock()
	h.n++
	h.mu.Unlock()
	switch {
	case h.instead != nil:
		return h.instead.Handle(ctx, m)
	case h.panics:
		panic(h.err)
	case h.blocks:
		<-ctx.Done()
		return ctx.Err()
	case h.holds:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.held = append(h.held, m.Hold())
		return nil
	}
	return h.err
}

func (h *target) release() {
	h.mu.Lock()
	held := h.held
	h.held = nil
	h.mu.Unlock()
	for _, release := range held {
		release(h.err)
	}
}

func (h *target) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}
