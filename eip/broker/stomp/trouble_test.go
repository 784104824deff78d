package stomp_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// as is a URL with another login.
func as(t testing.TB, raw, user, password string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// user makes a user of RabbitMQ.
func user(t testing.TB, permissions ...string) (name, raw string) {
	t.Helper()
	n := rabbit.Shared(t)
	name = "user" + eip.NewID()[:8]
	n.Ctl(t, "add_user", name, "secret")
	n.Ctl(t, append([]string{"set_permissions", name}, permissions...)...)
	return name, as(t, n.StompURL(), name, "secret")
}

func refused(err error) bool {
	var trouble *broker.Trouble
	return errors.As(err, &trouble) && trouble.Refused
}

// What a server refuses is said at once by a source, and by a sender with its first
// message, which waits. Neither hinders another.
func TestTrouble_Refused(t *testing.T) {
	_, rabbitUser := user(t, "^myapp\\.", "^(myapp\\..*|amq\\.default)$", "^myapp\\.")
	for name, raw := range map[string]string{
		"activemq": as(t, activemq.Shared(t).URL(), "foo", "bar"), "activemq, nobody": as(t, activemq.Shared(t).URL(), "nobody", "nope"), "rabbitmq": rabbitUser,
	} {
		t.Run(name, func(t *testing.T) {
			b := openWith(t, config(t, raw))
			own, others := queue(t, "q"), queue(t, "others")
			own.Address = "myapp." + own.Address
			if _, err := b.Source(t.Context(), others, broker.Subscription{}); !refused(err) {
				t.Errorf("a source of others: %v", err)
			}
			wrong := others
			if strings.HasSuffix(name, "nobody") {
				wrong = own
			}
			to, err := b.Sender(t.Context(), wrong)
			if err != nil {
				t.Fatal(err)
			}
			settled := sendAll(t, to, 3)
			until(t, "it is refused", func() bool {
				trouble := to.(broker.Troubled).Trouble()
				return trouble != nil && trouble.Refused
			})
			if strings.HasSuffix(name, "nobody") {
				if _, err := b.Source(t.Context(), own, broker.Subscription{}); !refused(err) {
					t.Errorf("a source for nobody: %v", err)
				}
			} else {
				e := openEnds(t, b, own)
				allWell(t, sendAll(t, e.to, 5))
				if m := e.receive(); string(m.Body()) != "0" {
					t.Errorf("received %q", m.Body())
				}
			}
			_ = to.Close() // it says that messages are left
			for range 3 {
				if err := <-settled; err == nil {
					t.Error("what is refused was settled")
				}
			}
		})
	}
}

// Replies that a server refuses fail one by one, for good, and the others arrive.
func TestTrouble_SendTo(t *testing.T) {
	_, noDefault := user(t, "^myapp\\.", "^myapp\\.", "^myapp\\.")
	for name, raw := range map[string]string{"activemq": as(t, activemq.Shared(t).URL(), "foo", "bar"), "rabbitmq": noDefault} {
		t.Run(name, func(t *testing.T) {
			b := openWith(t, config(t, raw))
			own := queue(t, "q")
			own.Address = "myapp." + own.Address
			e := openEnds(t, b, own)
			settled := make(chan error, 10)
			for i := range 10 {
				address := own.Address
				if i%3 == 0 {
					address = "others"
				}
				eip.Deliver(t.Context(), to(b, address), eip.New(fmt.Append(nil, i), func(err error) { settled <- err }))
			}
			failed := 0
			for range 10 {
				if err := <-settled; err != nil {
					if failed++; !eip.IsPermanent(err) {
						t.Errorf("a reply failed with %v", err)
					}
				}
			}
			want := 4
			if name == "rabbitmq" { // where all go through one exchange
				want = 10
			} else if m := e.receive(); string(m.Body()) != "1" {
				t.Errorf("received %q", m.Body())
			}
			if failed != want {
				t.Errorf("%d replies failed, want %d", failed, want)
			}
		})
	}
}

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

// Permissions that are revoked while messages flow are trouble, which is logged once and
// ends when they are given back.
func TestTrouble_Revoked(t *testing.T) {
	n := rabbit.Shared(t)
	name, raw := user(t, ".*", ".*", ".*")
	var text logText
	login, address, _ := strings.Cut(raw, "@")
	network := netfault.Start(t, address)
	c := config(t, login+"@"+network.Address())
	c.Log = slog.New(slog.NewTextHandler(&text, nil))
	b := openWith(t, c)
	e := openEnds(t, b, queue(t, "q"))
	got := make(chan *eip.Message)
	go func() {
		m, _ := e.source.Receive(t.Context())
		got <- m
	}()
	n.Ctl(t, "set_permissions", name, "^$", "^$", "^$")
	network.Cut() // else the node remembers for a while
	settled := sendAll(t, e.to, 1)
	for what, x := range map[string]any{"source": e.source, "sender": e.to} {
		until(t, "the "+what+" is refused", func() bool {
			trouble := x.(broker.Troubled).Trouble()
			return trouble != nil && trouble.Refused
		})
	}
	n.Ctl(t, "set_permissions", name, ".*", ".*", ".*")
	allWell(t, settled)
	if m := <-got; m == nil || string(m.Body()) != "0" {
		t.Errorf("got %v", m)
	}
	for what, x := range map[string]any{"source": e.source, "sender": e.to} {
		until(t, "the "+what+" works", func() bool { return x.(broker.Troubled).Trouble() == nil })
	}
	text.Lock()
	defer text.Unlock()
	for _, words := range []string{"cannot subscribe", "cannot send"} {
		if n := strings.Count(text.String(), words); n < 1 || n > 2 {
			t.Errorf("%q was logged %d times", words, n)
		}
	}
	if strings.Contains(text.String(), "secret") {
		t.Error("the log tells the password")
	}
}

// A message that a server does not take for its size fails alone and for good.
func TestTrouble_Oversized(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		size := activemq.MaxFrame + 1
		if name == "rabbitmq" {
			n := rabbit.Shared(t)
			size = 1_000_001
			n.Eval(t, "application:set_env(rabbit, max_message_size, 1000000)")
			defer n.Eval(t, "application:set_env(rabbit, max_message_size, 134217728)")
		}
		b := openWith(t, config(t, raw))
		e := openEnds(t, b, queue(t, "q"))
		settled := make([]chan error, 7)
		for i := range settled {
			settled[i] = make(chan error, 1)
			body := fmt.Append(nil, i)
			if i == 3 {
				body = make([]byte, size)
			}
			eip.Deliver(t.Context(), e.to, eip.New(body, func(err error) { settled[i] <- err }))
		}
		for i := range settled {
			if err := <-settled[i]; (err != nil) != (i == 3) || i == 3 && !eip.IsPermanent(err) {
				t.Errorf("message %d settled with %v", i, err)
			}
		}
		seen := map[string]bool{} // those beside it may have been sent again
		for len(seen) < 6 {
			seen[string(e.receive().Body())] = true
		}
	})
}

// A queue that somebody else has declared otherwise is trouble that says in what.
func TestTrouble_Conflict(t *testing.T) {
	n := rabbit.Shared(t)
	c := queue(t, "q")
	ch := n.Channel(t)
	if _, err := ch.QueueDeclare(c.Address, true, false, false, false, amqp091.Table{"x-max-length": int32(5)}); err != nil {
		t.Fatal(err)
	}
	b := openWith(t, config(t, n.StompURL()))
	if _, err := b.Source(t.Context(), c, broker.Subscription{}); !refused(err) || !strings.Contains(err.Error(), "x-max-length") {
		t.Errorf("a source: %v", err)
	}
	to, err := b.Sender(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	settled := sendAll(t, to, 2)
	until(t, "the sender says so", func() bool {
		trouble := to.(broker.Troubled).Trouble()
		return trouble != nil && trouble.Refused && strings.Contains(trouble.Error(), "x-max-length")
	})
	if _, err := ch.QueueDelete(c.Address, false, false, false); err != nil {
		t.Fatal(err)
	}
	allWell(t, settled)
}

// However large messages are, and however slow their flow, no more of them are in memory
// than the budget and a message.
func TestMemory_LargeMessages(t *testing.T) {
	const large, budget, count = 8 << 20, 16 << 20, 8
	each(t, func(t *testing.T, name, raw string) {
		b := openWith(t, config(t, raw))
		c := queue(t, "q")
		src, err := b.Source(t.Context(), c, broker.Subscription{PrefetchBytes: budget})
		if err != nil {
			t.Fatal(err)
		}
		to, err := b.Sender(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		settled := make(chan error, count)
		for i := range count {
			body := make([]byte, large)
			body[0] = byte(i)
			eip.Deliver(t.Context(), to, eip.New(body, func(err error) { settled <- err }))
		}
		allWell(t, settled)
		e, peak := ends{t: t, source: src}, int64(0)
		for i := range count {
			m := e.take()
			peak = max(peak, stomp.Held(src))
			if len(m.Body()) != large || m.Body()[0] != byte(i) {
				t.Fatalf("message %d has %d bytes and is number %d", i, len(m.Body()), m.Body()[0])
			}
			until(t, "the budget is used", func() bool {
				peak = max(peak, stomp.Held(src))
				return peak >= budget
			})
			eip.Deliver(t.Context(), eip.Discard, m)
		}
		if peak > budget+large {
			t.Errorf("%d bytes were in memory, and %d are the budget", peak, budget)
		}
	})
}
