package control_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// counting is a broker that counts what passes, and loses the first that it is sent.
type counting struct {
	broker.RequestReply
	sent, received atomic.Int64
	loses          atomic.Int64
	mu             sync.Mutex
	last           []control.Command // that were sent
}

func (c *counting) commands() []control.Command {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.last)
}

func (c *counting) Sender(ctx context.Context, to broker.Channel) (broker.Sender, error) {
	s, err := c.RequestReply.Sender(ctx, to)
	return &countingSender{s, c}, err
}

type countingSender struct {
	broker.Sender
	of *counting
}

func (s *countingSender) Handle(ctx context.Context, m *eip.Message) error {
	s.of.sent.Add(1)
	if c, err := control.DecodeCommand(m.Body()); err == nil {
		s.of.mu.Lock()
		s.of.last = append(s.of.last, *c)
		s.of.mu.Unlock()
	}
	if s.of.loses.Add(-1) >= 0 {
		return nil
	}
	return s.Sender.Handle(ctx, m)
}

func (c *counting) Source(ctx context.Context, from broker.Channel, as broker.Subscription) (broker.Source, error) {
	s, err := c.RequestReply.Source(ctx, from, as)
	return &countingSource{s, c}, err
}

type countingSource struct {
	broker.Source
	of *counting
}

func (s *countingSource) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.Source.Receive(ctx)
	if m != nil {
		s.of.received.Add(1)
	}
	return m, err
}

func (c *counting) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	i, err := c.RequestReply.Inbox(ctx, name)
	return &countingInbox{i, c}, err
}

type countingInbox struct {
	eip.Inbox
	of *counting
}

func (i *countingInbox) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := i.Inbox.Receive(ctx)
	if m != nil {
		i.of.received.Add(1)
	}
	return m, err
}

// fleet are processes on one broker, without sockets, as time stands still.
type fleet struct {
	t      *testing.T
	broker *counting
	allow  []string
	all    []*member
}

type member struct {
	*control.Server
	process *host.Host
	of      *fleet
}

func openFleet(t *testing.T) *fleet {
	t.Helper()
	_, transport, err := broker.Lookup("memory:")
	if err != nil {
		t.Fatal(err)
	}
	b, err := transport.Open(t.Context(), broker.Config{URL: &url.URL{Scheme: "memory"}})
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t: t, broker: &counting{RequestReply: b.(broker.RequestReply)}}
}

func (f *fleet) join(stage, secret string) *member {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "flow.hcl")
	text := fmt.Sprintf("queue \"in\" {}\nflow \"f\" {\n from = queue.in\n detour %q {\n mark \"x\" {}\n }\n discard {}\n}\n", stage)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{file}, Broker: "memory:"})
	if diags.HasErrors() {
		f.t.Fatal(diags)
	}
	p := host.New(host.Options{Instance: "-"})
	if _, err := p.Start(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
	m := &member{control.NewServer(control.Options{Process: p, Instance: fmt.Sprint("p", len(f.all)), Secret: secret, AllowTopic: f.allow}), p, f}
	<-m.ServeTopic(f.broker, controlTopic)
	f.all = append(f.all, m)
	return m
}

// enabled reports whether the detour is on.
func (m *member) enabled() bool {
	return m.process.Flows()[0].Stages()[0].Settable.Settable()["enabled"] == true
}

// departures are those that the process' status tells.
func (m *member) departures(t *testing.T) []control.Departure {
	t.Helper()
	c, err := control.DialTopic(t.Context(), m.of.broker, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Secret = m.Secret
	var st control.Status
	for r, err := range c.Do(t.Context(), control.Command{Command: "status", Instance: m.Instance}, control.Collect{Expect: 1, Wait: time.Minute}) {
		if err == nil {
			err = r.Read(&st)
		}
		if err != nil {
			t.Error(err)
		}
	}
	return st.Left
}

func (f *fleet) end() {
	for _, m := range f.all {
		m.Close()
		if err := m.process.Stop(); err != nil {
			f.t.Error(err)
		}
	}
	if err := f.broker.Close(); err != nil {
		f.t.Error(err)
	}
}

// say sends to the topic, signed at a time, as the contract says.
func (f *fleet) say(secret string, c control.Command, at time.Time) {
	f.t.Helper()
	if secret != "" && c.Signature == "" {
		c.Time, c.Nonce = at.UTC().Format(time.RFC3339Nano), eip.NewID()
		text, err := json.Marshal([]any{1, c.Command, c.Target, c.Args, c.Instance, c.Time, c.Nonce})
		if err != nil {
			f.t.Fatal(err)
		}
		h := hmac.New(sha256.New, []byte(secret))
		h.Write(text)
		c.Signature = hex.EncodeToString(h.Sum(nil))
	}
	body, err := json.Marshal(c)
	if err != nil {
		f.t.Fatal(err)
	}
	to, err := f.broker.RequestReply.Sender(f.t.Context(), controlTopic)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := errors.Join(eip.Await(f.t.Context(), to, eip.New(body, nil)), to.Close()); err != nil {
		f.t.Error(err)
	}
	synctest.Wait()
}

// set has processes take a lease, or give it back.
func (f *fleet) set(secret string, c control.Command) {
	f.t.Helper()
	client, err := control.DialTopic(f.t.Context(), f.broker, "")
	if err != nil {
		f.t.Fatal(err)
	}
	client.Secret = secret
	for _, err := range client.Do(f.t.Context(), c, control.Collect{Wait: time.Second}) {
		if err != nil {
			f.t.Error(err)
		}
	}
	if err := client.Close(); err != nil {
		f.t.Error(err)
	}
}

func lease(stage string) control.Command {
	return control.Command{Command: "set", Target: "f." + stage, Args: args{"enabled": true, "for": "1h"}}
}

// However many processes start, all learn what is leased, and the messages that it
// takes are as many as they.
func TestFleet_Messages(t *testing.T) {
	for _, secret := range []string{"", "s3cret"} {
		for _, n := range []int{20, 50} {
			for name, c := range map[string]struct {
				leased, together bool
			}{
				"nothing to learn":             {false, true},
				"a lease":                      {true, true},
				"a lease, one after the other": {true, false},
			} {
				t.Run(fmt.Sprintf("%d, %s, %q", n, name, secret), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := openFleet(t)
						defer f.end()
						for range 2 {
							f.join("d", secret)
						}
						time.Sleep(time.Minute)
						if c.leased {
							f.set(secret, lease("d"))
						}
						f.broker.sent.Store(0)
						f.broker.received.Store(0)
						for range n {
							f.join("d", secret)
							if !c.together {
								time.Sleep(10 * time.Second)
							}
						}
						time.Sleep(time.Minute)
						sent, received := f.broker.sent.Load(), f.broker.received.Load()
						t.Logf("%d processes: %d sent, %d received", n, sent, received)
						if c.together && received > int64(10*(n+2)) || sent > int64(6*n) {
							t.Errorf("%d processes have sent %d messages and received %d", n, sent, received)
						}
						for i, m := range f.all {
							if m.enabled() != c.leased {
								t.Errorf("%d has not learned it", i)
							}
						}
					})
				})
			}
		}
	}
}

// What some have and others have not is told by those that have it.
func TestFleet_EachTellsWhatNoOtherHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFleet(t)
		defer f.end()
		for range 3 {
			f.join("d", "")
			f.join("e", "")
		}
		f.set("", lease("d"))
		f.set("", lease("e"))
		time.Sleep(time.Minute)
		f.broker.sent.Store(0)
		joined := []*member{f.join("d", ""), f.join("e", "")}
		time.Sleep(time.Minute)
		for i, m := range joined {
			if !m.enabled() {
				t.Errorf("%d has not learned it", i)
			}
		}
		if sent := f.broker.sent.Load(); sent > 6 {
			t.Errorf("it took %d messages", sent)
		}
	})
}

// What one was told that has just joined itself is told to the next.
func TestFleet_JoinsAtOnce(t *testing.T) {
	for range 30 {
		synctest.Test(t, func(t *testing.T) {
			f := openFleet(t)
			defer f.end()
			f.join("d", "s3cret")
			time.Sleep(time.Millisecond)
			f.say("s3cret", lease("d"), time.Now())
			for range 3 {
				f.join("d", "s3cret")
			}
			time.Sleep(time.Minute)
			for i, m := range f.all {
				if !m.enabled() {
					t.Errorf("%d has not learned it", i)
				}
			}
		})
	}
}

// What is told is for those that join, is not given again, and is signed where
// commands are.
func TestFleet_TellsThoseThatJoin(t *testing.T) {
	leases := control.Command{Command: "news", Target: "x", Args: args{"leases": []any{args{"address": "f.d", "attribute": "enabled", "value": true, "until": "2999-01-01T00:00:00Z"}}}}
	for name, c := range map[string]struct {
		secret, with string
		joins        bool
		old, want    bool
	}{
		"who runs":               {"", "", false, false, false},
		"who runs, signed":       {"s3cret", "s3cret", false, false, false},
		"who joins":              {"", "", true, false, true},
		"who joins, signed":      {"s3cret", "s3cret", true, false, true},
		"without the secret":     {"s3cret", "", true, false, false},
		"with another secret":    {"s3cret", "guess", true, false, false},
		"signed before it began": {"s3cret", "s3cret", true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := openFleet(t)
				defer f.end()
				at := time.Now()
				time.Sleep(time.Second)
				m := f.join("d", c.secret)
				if !c.joins {
					time.Sleep(time.Minute)
				}
				if time.Sleep(time.Millisecond); !c.old {
					at = time.Now()
				}
				f.say(c.with, leases, at)
				if m.enabled() != c.want {
					t.Errorf("it is on: %v", m.enabled())
				}
			})
		})
	}
}

// An answer is good for whom it is meant, whose clock may be ahead.
func TestFleet_AnswersAreNotOlderThanQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFleet(t)
		defer f.end()
		f.join("d", "s3cret")
		f.set("s3cret", lease("d"))
		time.Sleep(time.Minute)
		asked := time.Now().Add(1900 * time.Millisecond)
		f.say("s3cret", control.Command{Command: "news", Target: "x", Args: args{"ask": true}}, asked)
		time.Sleep(time.Second)
		all := f.broker.commands()
		answer := all[len(all)-1]
		at, err := time.Parse(time.RFC3339Nano, answer.Time)
		if err != nil || answer.Args["leases"] == nil || at.Before(asked) {
			t.Errorf("at %v it was asked, and answered %+v: %v", asked, answer, err)
		}
	})
}

// A process that ends says so, and who is believed is said in status.
func TestFleet_Departures(t *testing.T) {
	gone := func(who string) control.Command {
		return control.Command{Command: "news", Target: who, Args: args{"gone": true}}
	}
	for name, c := range map[string]struct {
		secret string
		allow  []string
		with   string
		want   int
	}{
		"unsigned":             {"", nil, "", 3},
		"signed":               {"s3cret", nil, "s3cret", 3},
		"by who has no secret": {"s3cret", nil, "", 2},
		"nobody is believed":   {"", []string{"status"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := openFleet(t)
				defer f.end()
				f.allow = c.allow
				stays := f.join("d", c.secret)
				for range 2 {
					f.join("d", c.secret).Close()
				}
				f.say(c.with, gone("other"), time.Now())
				left := stays.departures(t)
				if len(left) != c.want || c.want > 1 && (left[0].Instance != "p1" || left[1].Instance != "p2") {
					t.Errorf("it knows %+v", left)
				}
				if c.want < 3 {
					return
				}
				f.say(c.with, gone("p1"), time.Now())
				if left := stays.departures(t); len(left) != 3 || left[2].Instance != "p1" {
					t.Errorf("of one twice: %+v", left)
				}
				for i := range 300 {
					f.say(c.with, gone(fmt.Sprint(i, strings.Repeat("x", 1000))), time.Now())
				}
				if left := stays.departures(t); len(left) != 100 || len(left[99].Instance) > 210 {
					t.Errorf("it keeps %d", len(left))
				}
				time.Sleep(2 * time.Hour)
				if left := stays.departures(t); len(left) != 0 {
					t.Errorf("for ever: %+v", left)
				}
			})
		})
	}
}
