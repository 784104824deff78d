package replies_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/internal/replies"
)

func listen(t *testing.T, post *eiptest.Post, to eip.Handler) (eip.Inbox, *replies.Listener) {
	in, err := post.Channel("any").Inbox(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return in, replies.Listen(in, &eip.Env{}, &eip.Flow{To: to})
}

func TestListener_FinishesWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post eiptest.Post
		var out eiptest.Recorder
		in, l := listen(t, &post, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			release := m.Hold()
			time.AfterFunc(500*time.Millisecond, func() { release(nil) })
			return out.Handle(ctx, m)
		}))
		eip.Deliver(t.Context(), post.Channel(in.Address()), eiptest.Message("a"))
		synctest.Wait()
		if !l.Busy() || !slices.Equal(out.Bodies(), []string{"a"}) {
			t.Errorf("busy %v, got %v", l.Busy(), out.Bodies())
		}
		if err := l.Close(t.Context()); err != nil || l.Busy() || l.Err() != nil {
			t.Errorf("close: %v, busy %v, error %v", err, l.Busy(), l.Err())
		}
		if err := post.SendTo(t.Context(), in.Address(), eiptest.Message("b")); err == nil {
			t.Error("the inbox is still there")
		}
	})
}

func TestListener_CloseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post eiptest.Post
		never := make(chan struct{})
		in, l := listen(t, &post, eip.HandlerFunc(func(context.Context, *eip.Message) error { <-never; return nil }))
		eip.Deliver(t.Context(), post.Channel(in.Address()), eiptest.Message("a"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		close(never)
	})
}

// broken is an inbox that fails for good.
type broken struct{ eip.Inbox }

func (broken) Receive(context.Context) (*eip.Message, error) {
	return nil, errors.New("access refused")
}
func (broken) Address() string { return "broken" }
func (broken) Close() error    { return nil }

func TestListener_KnowsThatItDoesNotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := replies.Listen(broken{}, &eip.Env{Log: slog.New(slog.DiscardHandler)}, &eip.Flow{To: eip.Discard})
		synctest.Wait()
		if l.Err() == nil {
			t.Error("it says that it listens")
		}
		if err := l.Close(t.Context()); err == nil {
			t.Error("close hides why it did not listen")
		}
	})
}
