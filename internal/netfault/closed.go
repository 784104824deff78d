package netfault

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// ClosedMeanwhile shows that who waits for a server is told when the broker closes, and does
// not hold that up. open opens a broker on a port where nobody listens.
func ClosedMeanwhile(t *testing.T, open func() broker.RequestReply, q broker.Channel) {
	for what, opening := range map[string]func(b broker.RequestReply) error{
		"source": func(b broker.RequestReply) error {
			_, err := b.Source(t.Context(), q, broker.Subscription{})
			return err
		},
		"sender": func(b broker.RequestReply) error { _, err := b.Sender(t.Context(), q); return err },
		"inbox":  func(b broker.RequestReply) error { _, err := b.Inbox(t.Context(), ""); return err },
		"calls": func(b broker.RequestReply) error {
			c, ok := b.(broker.Caller)
			if !ok {
				_, err := b.Inbox(t.Context(), "") // by which it calls
				return err
			}
			_, err := c.Calls(t.Context(), nil)
			return err
		},
	} {
		b := open()
		opened, closed := make(chan error, 1), make(chan error, 1)
		go func() { opened <- opening(b) }()
		for end := time.Now().Add(time.Minute); !strings.Contains(b.Status().Waiting, "connection refused"); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: it does not say that it waits", what)
			}
		}
		go func() { closed <- b.Close() }()
		for range 2 {
			select {
			case err := <-opened:
				if !errors.Is(err, eip.ErrClosed) {
					t.Errorf("opening %s says %v", what, err)
				}
			case err := <-closed:
				if err != nil {
					t.Errorf("closing with %s: %v", what, err)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s is waited for, or waits", what)
			}
		}
	}
}
