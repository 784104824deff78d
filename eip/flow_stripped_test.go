package eip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// What the dead-letter channel refuses for good goes there stripped of what may be
// the cause, and says so.
func TestFlow_StripsWhatTheDeadLetterChannelRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{n: 3}
		tooLong := strings.Repeat("ü", 3000)
		away := true
		graves := &recorder{}
		dead := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if away {
				away = false
				return errors.New("the channel is away")
			}
			if m.Headers["big"] != nil || len(m.Type) > 255 {
				return eip.Permanent(errors.New("too large: " + tooLong))
			}
			return graves.Handle(ctx, m)
		})
		f := &eip.Flow{Source: decorated{source}, DeadLetter: dead,
			To: eip.HandlerFunc(func(context.Context, *eip.Message) error { return eip.Permanent(errors.New(tooLong)) })}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		source.check(t)
		if len(graves.msgs) != 3 {
			t.Fatalf("%d messages are in the dead-letter channel, want 3", len(graves.msgs))
		}
		for _, m := range graves.msgs {
			why, _ := m.Headers[header.Stripped].(string)
			if !strings.HasPrefix(why, "too large: ") || !strings.HasSuffix(why, "…") || len(why) > 4<<10 {
				t.Errorf("message %s says in %d bytes why it is stripped: %.40q", m.Body(), len(why), why)
			}
			if text, _ := m.Headers[header.Error].(string); len(text) > 4<<10 || !strings.HasPrefix(text, "üü") {
				t.Errorf("message %s has an error of %d bytes", m.Body(), len(text))
			}
			if m.Headers["small"] != nil || m.Type != "" || m.CorrelationID != "kept" || m.Headers[header.Reason] != "failed" {
				t.Errorf("message %s is %+v", m.Body(), m)
			}
		}
	})
}

// decorated gives each message a header and a field that some channels refuse.
type decorated struct{ eip.Source }

func (d decorated) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := d.Source.Receive(ctx)
	if err != nil {
		return nil, err
	}
	return m.With(func(m *eip.Message) {
		m.Headers, m.Type, m.CorrelationID = eip.Headers{"big": true, "small": 1}, strings.Repeat("t", 256), "kept"
	}), nil
}
