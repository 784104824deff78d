package flowtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip"
	adapters "github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/manage/control"
)

// send puts messages in, one after the other. Where a fault has one wait, the test goes on.
func (r *rig) send(one *task, all []*sendBlock) {
	var sent []*eip.Message
	for _, s := range all {
		for _, body := range r.bodies(one.to, s) {
			sent = append(sent, r.message(one.to, &s.messageBlock, body, len(sent)))
		}
	}
	if err := r.putAll(one.to, sent...); err != nil {
		r.fail(one, broken, fmt.Sprintf("send to %s: %v", one.label, err))
	}
}

// putAll puts messages in beside the test, and returns when nothing moves.
func (r *rig) putAll(to target, all ...*eip.Message) error {
	failed := make(chan error, 1)
	go func() {
		for _, m := range all {
			if err := r.put(to, m); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	settle()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// bodies are those of the messages that one send is: of a text for an adapter that reads
// lines, each line.
func (r *rig) bodies(to target, s *sendBlock) []any {
	text, ok := s.Body.(string)
	if to.kind != adapter || !ok || r.formatOf(to) != adapters.Lines {
		return []any{s.Body}
	}
	var all []any
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimRight(line, "\r\n"))
	}
	if len(all) == 0 {
		all = append(all, "")
	}
	return all
}

func (r *rig) formatOf(to target) adapters.Format {
	format, _ := field[adapters.Format](r.places.config.Adapters[to.name].Component, "Format")
	return format
}

// message makes the message of a block.
func (r *rig) message(to target, b *messageBlock, body any, after int) *eip.Message {
	m := eip.New(nil, nil)
	switch v := body.(type) {
	case nil:
	case []byte:
		m = m.WithBody(v)
	case string:
		m = m.WithBody([]byte(v))
	default:
		var err error
		if m, err = m.WithValue(v, ""); err != nil {
			m = m.WithBody(fmt.Append(nil, v))
		}
	}
	r.mu.Lock()
	n := len(r.sent) + 1 + after
	r.mu.Unlock()
	m = m.With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.Key = b.ID, b.CorrelationID, b.ReplyTo, b.Type, b.Key
		m.Priority, m.Expiration, m.Timestamp, m.Headers = uint8(b.Priority), b.Expiration, r.clock.Now(), eip.Headers(b.Headers)
		if s := b.Sequence; s != nil {
			m.Sequence = eip.Sequence{ID: s.ID, Number: s.Number, Size: s.Size}
		}
		if m.ID == "" {
			m.ID = fmt.Sprintf("%016x%016x", r.test.File.suite.Seed, n)
		}
		switch {
		case b.ContentType != "":
			m.ContentType = b.ContentType
		case to.kind == adapter && m.ContentType == "":
			m.ContentType, _ = field[string](r.places.config.Adapters[to.name].Component, "ContentType")
		}
	})
	return m
}

// put puts one message in. It does not wait for what becomes of it.
func (r *rig) put(to target, m *eip.Message) error {
	at := r.ways.step(nil, to.String(), detached(m))
	r.mu.Lock()
	r.sent = append(r.sent, at.number)
	if r.first == nil {
		r.first = detached(m)
	}
	r.mu.Unlock()
	switch to.kind {
	case adapter:
		m.Channel = to.String()
		if m.Replier() == nil && r.places.config.Adapters[to.name].Kind == "http" {
			m = m.WithReplier(&caller{}) // as every request can be answered
		}
		in := r.input(to.String())
		select {
		case <-in.over:
			return fmt.Errorf("it has ended")
		default:
		}
		select {
		case in.messages <- at.arrive(m):
			return nil
		default:
			return fmt.Errorf("more than %d messages wait", mostSent)
		}
	case aFlow:
		f := r.flow(to.name)
		if f == nil || f.State() != control.Running {
			return fmt.Errorf("the flow does not run")
		}
		return f.Inject(at.arrive(m))
	}
	return r.host.Inject(context.Background(), to.String(), at.on(m))
}
