package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// bus is a broker with some processes that listen to its topic.
type bus struct {
	broker broker.Broker
	client *control.Client
}

func openBus(t *testing.T) *bus {
	t.Helper()
	_, transport, err := broker.Lookup("memory:")
	if err != nil {
		t.Fatal(err)
	}
	b, err := transport.Open(t.Context(), broker.Config{URL: &url.URL{Scheme: "memory"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := control.DialTopic(t.Context(), b, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bus{b, c}
}

// join makes a process listen.
func (b *bus) join(t *testing.T, o control.Options) *control.Server {
	t.Helper()
	s := control.NewServer(o)
	t.Cleanup(s.Close)
	<-s.ServeTopic(b.broker, broker.Channel{Kind: broker.Topic, Address: control.Address, Durable: true, Declare: true})
	return s
}

func (b *bus) ask(t *testing.T, c control.Command, of control.Collect) map[string]control.Reply {
	t.Helper()
	replies := map[string]control.Reply{}
	for r, err := range b.client.Do(t.Context(), c, of) {
		if err != nil {
			if errors.Is(err, control.ErrNobody) {
				return nil
			}
			t.Fatal(err)
		}
		if _, twice := replies[r.Instance]; twice {
			t.Errorf("%s has answered twice", r.Instance)
		}
		replies[r.Instance] = r
	}
	return replies
}

func TestTopic_EveryProcessAnswers(t *testing.T) {
	b := openBus(t)
	for _, name := range []string{"a", "b", "c"} {
		p, _, _ := run(t, marking)
		b.join(t, control.Options{Process: p, Instance: name})
	}
	three := control.Collect{Expect: 3, Wait: time.Minute}
	if got := b.ask(t, control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": true}}, three); len(got) != 3 || !got["a"].OK || !got["b"].OK || !got["c"].OK {
		t.Errorf("%+v", got)
	}
	got := b.ask(t, control.Command{Command: "status", Instance: "b"}, control.Collect{Expect: 1, Wait: time.Minute})
	if len(got) != 1 || !got["b"].OK {
		t.Errorf("%+v", got)
	}
	if got := b.ask(t, control.Command{Command: "status", Instance: "nobody"}, control.Collect{Wait: 20 * time.Millisecond}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// A signed command that a process did not get is given again, and is taken once by
// those that did.
func TestTopic_Again(t *testing.T) {
	const secret = "s3cret"
	b := openBus(t)
	for _, name := range []string{"a", "b"} {
		p, _, _ := run(t, marking)
		b.join(t, control.Options{Process: p, Instance: name, Secret: secret})
	}
	for what, c := range map[string]struct {
		lost int64
		of   control.Collect
	}{
		"none is lost": {0, control.Collect{Wait: 1500 * time.Millisecond}},
		"two are lost": {2, control.Collect{Wait: time.Minute, Expect: 2}},
	} {
		on := &counting{RequestReply: b.broker.(broker.RequestReply)}
		on.loses.Store(c.lost)
		client, err := control.DialTopic(t.Context(), on, "")
		if err != nil {
			t.Fatal(err)
		}
		client.Secret = secret
		asked := &bus{b.broker, client}
		if got := asked.ask(t, control.Command{Command: "status"}, c.of); len(got) != 2 || client.Refused() != nil {
			t.Errorf("%s: %+v, %v", what, got, client.Refused())
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Only what is signed in time, once, and allowed is carried out.
func TestTopic_Signed(t *testing.T) {
	b := openBus(t)
	p, _, _ := run(t, marking)
	b.join(t, control.Options{Process: p, Instance: "a", Secret: "s3cret", AllowTopic: []string{"status", "set"}})
	one := control.Collect{Expect: 1, Wait: time.Minute}
	code := func(c control.Command) control.Code {
		r := b.ask(t, c, one)["a"]
		if r.Error != nil {
			return r.Error.Code
		}
		return ""
	}
	set := control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": true, "note<&>": 0.5}}
	delete(set.Args, "note<&>")
	signed := func(secret string) control.Command {
		c := set
		if err := c.Sign(secret); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got := code(set); got != control.BadSignature {
		t.Errorf("unsigned: %q", got)
	}
	if got := code(signed("guess")); got != control.BadSignature {
		t.Errorf("by another secret: %q", got)
	}
	good := signed("s3cret")
	if got := code(good); got != "" {
		t.Errorf("signed: %q", got)
	}
	if got := code(good); got != control.BadSignature {
		t.Errorf("replayed: %q", got)
	}
	for what, change := range map[string]func(*control.Command){
		"another target":   func(c *control.Command) { c.Target = "orders.*" },
		"other arguments":  func(c *control.Command) { c.Args = args{"enabled": false} },
		"another instance": func(c *control.Command) { c.Instance = "a" },
		"another command":  func(c *control.Command) { c.Command = "stop" },
		"another time":     func(c *control.Command) { c.Time = time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano) },
		"another nonce":    func(c *control.Command) { c.Nonce = eip.NewID() },
		"no hexadecimals":  func(c *control.Command) { c.Signature = "zz" },
	} {
		c := signed("s3cret")
		change(&c)
		if got := code(c); got != control.BadSignature {
			t.Errorf("%s: %q", what, got)
		}
	}
	b.client.Secret = "s3cret"
	if got := code(control.Command{Command: "stop", Target: "orders"}); got != control.NotAllowed {
		t.Errorf("not allowed: %q", got)
	}
	if got := code(control.Command{Command: "status"}); got != "" {
		t.Errorf("by a client that signs: %q", got)
	}
	// The socket needs no signature: who can open it may do all.
	do[any](t, p.client, "stop", "orders", nil)
}

// What processes say by themselves is on topics of their own.
func TestTopic_Publishes(t *testing.T) {
	b := openBus(t)
	p, _, _ := run(t, marking)
	s := b.join(t, control.Options{Process: p, Instance: "a", StatisticsEvery: time.Second})
	hear := func(topic string) broker.Source {
		src, err := b.broker.Source(t.Context(), broker.Channel{Kind: broker.Topic, Address: topic, Durable: true, Declare: true}, broker.Subscription{Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	audit, statistics := hear(control.AuditAddress), hear(control.StatisticsAddress)
	s.Publish(b.broker)
	b.ask(t, control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": true}}, control.Collect{Expect: 1, Wait: time.Minute})
	var rec control.Record
	receive(t, audit, &rec)
	if rec.Command != "set" || rec.Instance != "a" || !rec.OK || rec.From.On != "topic" || rec.Args["enabled"] != true {
		t.Errorf("%+v", rec)
	}
	var st struct {
		Instance string
		Stats    map[string]counts
	}
	receive(t, statistics, &st)
	if _, ok := st.Stats["orders.mark"]; !ok || st.Instance != "a" {
		t.Errorf("%+v", st)
	}
}

func receive(t *testing.T, src eip.Source, to any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := src.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	eip.Deliver(ctx, eip.Discard, m)
	if err := json.Unmarshal(m.Body(), to); err != nil {
		t.Fatal(err)
	}
}

// A flood of commands and garbage slows down nobody but itself.
func TestTopic_SurvivesAFlood(t *testing.T) {
	b := openBus(t)
	p, in, out := run(t, marking)
	b.join(t, control.Options{Process: p, Instance: "a"})
	flood, err := b.broker.Sender(t.Context(), broker.Channel{Kind: broker.Topic, Address: control.Address, Durable: true, Declare: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		body := []byte(`{"command": "stats"}`)
		switch i % 10 {
		case 0:
			body = []byte("garbage")
		case 1:
			body = []byte(`{"command": "stop"}`)
		}
		if err := flood.Handle(t.Context(), eip.New(body, nil)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2000 {
		in.feed(t, fmt.Sprint(n))
	}
	out.await(t, 2000)
	if got := b.ask(t, control.Command{Command: "status"}, control.Collect{Expect: 1, Wait: time.Minute}); !got["a"].OK {
		t.Errorf("%+v", got)
	}
}

// refusing is a broker that does not let anybody read a topic.
type refusing struct{ broker.Broker }

func (refusing) Source(context.Context, broker.Channel, broker.Subscription) (broker.Source, error) {
	return nil, errors.New("no permission")
}

func TestTopic_RefusedIsSaidAndNoHarm(t *testing.T) {
	b := openBus(t)
	p, in, out := run(t, marking)
	s := control.NewServer(control.Options{Process: p, Instance: "a"})
	defer s.Close()
	<-s.ServeTopic(refusing{b.broker}, broker.Channel{Kind: broker.Topic, Address: control.Address})
	socket := p.socket + "2"
	if err := s.ServeSocket(socket); err != nil {
		t.Fatal(err)
	}
	c, err := control.DialSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	if st := do[control.Status](t, c, "status", "", nil); st.Control[0].State != "refused: no permission" {
		t.Errorf("%+v", st.Control)
	}
	in.feed(t, "x")
	out.await(t, 1)
}

// What processes tell each other of Test Messages is answered only where it is
// none, and must be signed as commands are; allow lists are about commands.
func TestTopic_News(t *testing.T) {
	b := openBus(t)
	p, _, _ := run(t, marking)
	b.join(t, control.Options{Process: p, Instance: "a", Secret: "s3cret", AllowTopic: []string{"status"}})
	soon := control.Collect{Expect: 1, Wait: 50 * time.Millisecond}
	news := control.Command{Command: "news", Target: "b", Args: args{"test": "unknown", "flow": "f", "done": true}}
	if r := b.ask(t, news, control.Collect{Expect: 1, Wait: time.Minute})["a"]; r.Error == nil || r.Error.Code != control.BadSignature {
		t.Errorf("unsigned: %+v", r)
	}
	b.client.Secret = "s3cret"
	if got := b.ask(t, news, soon); got != nil {
		t.Errorf("it was answered: %+v", got)
	}
	news.Args = args{"test": 1}
	if r := b.ask(t, news, control.Collect{Expect: 1, Wait: time.Minute})["a"]; r.Error == nil || r.Error.Code != control.BadArgs {
		t.Errorf("no news: %+v", r)
	}
}
