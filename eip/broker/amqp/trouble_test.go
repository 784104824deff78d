package amqp_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// logText is a log that may be read meanwhile.
type logText struct {
	sync.Mutex
	bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func (l *logText) count(words string) int {
	l.Lock()
	defer l.Unlock()
	return strings.Count(l.String(), words)
}

// What the broker refuses is an error at once, and no reason to wait.
func TestTrouble_Refused(t *testing.T) {
	n := rabbit.Shared(t)
	for name, permissions := range map[string][]string{"to configure": {"^$", ".*", ".*"}, "to read": {".*", ".*", "^$"}} {
		b := open(t, config(t, user(t, n, "refused-"+strings.ReplaceAll(name, " ", "-"), permissions...)))
		q := queue(t, "refused")
		var refused *broker.Trouble
		if _, err := b.Source(t.Context(), q, broker.Subscription{}); !errors.As(err, &refused) || !refused.Refused {
			t.Errorf("source without permission %s: %v", name, err)
		}
		if _, err := b.Sender(t.Context(), q); name == "to configure" && (!errors.As(err, &refused) || !refused.Refused) {
			t.Errorf("sender without permission %s: %v", name, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	b := open(t, config(t, n.URL()))
	defer b.Close()
	reserved := broker.Channel{Kind: broker.Topic, Address: "amq.topic", Durable: true}
	var refused *broker.Trouble
	if _, err := b.Source(t.Context(), reserved, broker.Subscription{Name: "f"}); !errors.As(err, &refused) || !refused.Refused {
		t.Errorf("a reserved name: %v", err)
	}
}

// Permissions that are revoked while messages flow are trouble, which is logged once
// and ends when they are given back.
func TestTrouble_Revoked(t *testing.T) {
	n := rabbit.Shared(t)
	url := user(t, n, "revoked", ".*", ".*", ".*")
	var text logText
	c := config(t, url)
	c.Log = slog.New(slog.NewTextHandler(&text, nil))
	b := open(t, c)
	defer b.Close()
	q := queue(t, "q")
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *eip.Message)
	go func() {
		m, _ := src.Receive(t.Context())
		got <- m
	}()
	n.Ctl(t, "set_permissions", "revoked", "^$", "^$", "^$")
	n.Ctl(t, "close_all_user_connections", "revoked", "revoked") // else the node remembers for a while
	settled := make(chan error, 1)
	eip.Deliver(t.Context(), s, eip.New([]byte("x"), func(err error) { settled <- err }))
	for what, x := range map[string]any{"source": src, "sender": s} {
		until(t, "the "+what+" is refused", func() bool {
			trouble := x.(broker.Troubled).Trouble()
			return trouble != nil && trouble.Refused
		})
	}
	n.Ctl(t, "set_permissions", "revoked", ".*", ".*", ".*")
	if err := <-settled; err != nil {
		t.Error(err)
	}
	if m := <-got; m == nil || string(m.Body()) != "x" {
		t.Errorf("got %v", m)
	}
	for what, x := range map[string]any{"source": src, "sender": s} {
		until(t, "the "+what+" works", func() bool { return x.(broker.Troubled).Trouble() == nil })
	}
	for _, words := range []string{"cannot consume", "cannot publish"} {
		if n := text.count(words); n < 1 || n > 2 { // while connected, and of what it was told last
			t.Errorf("%q was logged %d times", words, n)
		}
	}
}
