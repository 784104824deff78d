package requestor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/requestor"
)

// inbox gives what is sent to it, and then fails.
type inbox chan *eip.Message

var errLost = errors.New("access refused")

func (b inbox) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m, ok := <-b:
		if !ok {
			return nil, errLost
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (inbox) Close() error { return nil }

func message(correlation string) *eip.Message {
	return eip.New(nil, nil).With(func(m *eip.Message) { m.CorrelationID, m.ReplyTo = correlation, "here" })
}

func TestRequestor_GivesRepliesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox)
		r := requestor.Listen(in)
		got := map[string]int{}
		for id, most := range map[string]int{"one": 1, "many": 100} {
			err := r.Expect(id, func(m *eip.Message, _ error) bool { got[m.CorrelationID]++; return got[id] < most })
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"one", "many", "one", "many", "nobody's"} {
			in <- message(id)
		}
		synctest.Wait()
		r.Forget("many")
		in <- message("many")
		synctest.Wait()
		if got["one"] != 1 || got["many"] != 2 || len(got) != 2 || r.Unmatched.Load() != 3 {
			t.Errorf("%v, and %d that nobody waits for", got, r.Unmatched.Load())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Who waits is told when no reply comes any more, and who asks later at once.
func TestRequestor_LostInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox)
		r := requestor.Listen(in)
		asked := 0
		service := eip.HandlerFunc(func(context.Context, *eip.Message) error { asked++; return nil })
		done := make(chan error)
		go func() {
			_, err := r.Ask(t.Context(), service, message("first"))
			done <- err
		}()
		synctest.Wait()
		close(in)
		if err := <-done; !errors.Is(err, errLost) {
			t.Errorf("while it waits: %v", err)
		}
		if _, err := r.Ask(t.Context(), service, message("second")); !errors.Is(err, errLost) || asked != 1 {
			t.Errorf("afterwards: %v, and the service was asked %d times", err, asked)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestRequestor_Over(t *testing.T) {
	var r requestor.Requestor
	ctx, cancel := context.WithCancel(t.Context())
	service := eip.HandlerFunc(func(context.Context, *eip.Message) error { cancel(); return nil })
	if _, err := r.Ask(ctx, service, message("m")); err != requestor.ErrOver {
		t.Error(err)
	}
	if err := r.Handle(t.Context(), message("m")); err != nil || r.Unmatched.Load() != 1 {
		t.Errorf("the late reply: %v, %d unmatched", err, r.Unmatched.Load())
	}
}
