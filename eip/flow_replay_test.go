package eip_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// What a stage made and failed behind it enters behind that stage again, and nothing else
// skips what stands before.
func TestReplay_EntersBehindWhoMadeIt(t *testing.T) {
	var log texts
	k := &maker{settled: func(error) {}}
	seen := func(name string) eip.Stage {
		return &eip.Named{Address: "f." + name, Stage: eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			log.add(name + ": " + string(m.Body()))
			return next.Handle(ctx, m)
		})}
	}
	source, no := make(chan *eip.Message), errors.New("no")
	dead := make(chan *eip.Message, 1)
	works := false
	f := &eip.Flow{Name: "f", Source: given(source),
		Stages: []eip.Stage{seen("before"), &eip.Named{Address: "f.maker", Stage: k}, seen("after")},
		Retry:  eip.Retry{Attempts: 1},
		To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			if !works {
				return no
			}
			log.add(fmt.Sprint("to ", m.Headers[header.After]))
			return nil
		}),
		DeadLetter: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { dead <- m; return nil })}
	ended := make(chan error, 1)
	go func() { ended <- f.Run(t.Context()) }()
	source <- eip.New([]byte("a"), nil)
	letter := <-dead
	if letter.Headers[header.After] != "f.maker" {
		t.Fatalf("the dead letter has the headers %v", letter.Headers)
	}
	replay := func(m *eip.Message) (settled, returned error) {
		done := make(chan error, 1)
		returned = f.Replay(m.Revived().Fork(func(err error) { done <- err }), func(error) { log.add("failed again") })
		return <-done, returned
	}
	if settled, err := replay(letter); settled != nil || err != nil {
		t.Errorf("replay: %v, %v", settled, err)
	}
	if again := <-dead; again.Headers[header.After] != "f.maker" || again.Headers[header.Flow] != "f" {
		t.Errorf("what failed again has the headers %v", again.Headers)
	}
	works = true
	if settled, err := replay(letter); settled != nil || err != nil {
		t.Errorf("replay: %v, %v", settled, err)
	}
	if got, want := fmt.Sprint(log.all), "[before: a after: made of a after: made of a failed again after: made of a to <nil>]"; got != want {
		t.Errorf("came %s\nwant %s", got, want)
	}
	for _, forged := range []any{"f.before", "f.none", "", 7, []any{"f.maker"}} {
		if settled, err := replay(letter.WithHeader(header.After, forged)); settled == nil || err == nil {
			t.Errorf("it may enter behind %v", forged)
		}
	}
	close(source)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c, _ := f.Counts(); c.Received+c.Made != c.Sent+c.Failed+c.Dropped+c.Absorbed {
		t.Errorf("counts: %+v", c)
	}
}

// Who sends to a flow cannot have what fails there skip stages when it is replayed.
func TestReplay_OfWhatNoStageMade(t *testing.T) {
	var letter *eip.Message
	f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, Stages: []eip.Stage{eip.StageFunc(func(_ context.Context, m *eip.Message, _ eip.Handler) error {
		return errors.New("no")
	})}, Retry: eip.Retry{Attempts: 1}, DeadLetter: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { letter = m; return nil })}
	f.Source = headed{f.Source}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if letter == nil || letter.Headers[header.After] != nil || letter.Headers[header.Reason] != "failed" {
		t.Errorf("the dead letter is %+v", letter)
	}
}

// given is a source of what is sent to it.
type given chan *eip.Message

func (g given) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m, ok := <-g:
		if !ok {
			return nil, io.EOF
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// headed is a source of messages that say they were made.
type headed struct{ eip.Source }

func (h headed) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := h.Source.Receive(ctx)
	if m != nil {
		m = m.WithHeader(header.After, "f.maker")
	}
	return m, err
}
