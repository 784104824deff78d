package control_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// serve serves a process as the options say, on a socket of its own.
func serve(t *testing.T, p *process, o control.Options) *control.Client {
	t.Helper()
	o.Process, o.Instance = p, "a"
	s := control.NewServer(o)
	t.Cleanup(s.Close)
	path := p.socket + eip.NewID()[:8]
	if err := s.ServeSocket(path); err != nil {
		t.Fatal(err)
	}
	c, err := control.DialSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// impostor answers what is said on a bus as it likes, until the test ends.
func impostor(t *testing.T, b *bus, answer func(asked *eip.Message, say func(any))) {
	t.Helper()
	listen(t, b, func(m *eip.Message) {
		if m.Replier() == nil {
			return
		}
		answer(m, func(v any) {
			body, isText := v.(string)
			if !isText {
				raw, err := json.Marshal(v)
				if err != nil {
					t.Error(err)
				}
				body = string(raw)
			}
			reply := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return m.Reply(ctx, eip.New([]byte(body), nil)) })
			_ = eip.Await(t.Context(), reply, m) // the asker may be gone
		})
	})
}

// listen takes what comes to the topic.
func listen(t *testing.T, b *bus, take func(*eip.Message)) {
	t.Helper()
	src, err := b.broker.Source(t.Context(), controlTopic, broker.Subscription{Name: eip.NewID()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			m, err := src.Receive(ctx)
			if err != nil {
				return
			}
			eip.Deliver(ctx, eip.Discard, m)
			take(m)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
}

var controlTopic = broker.Channel{Kind: broker.Topic, Address: control.Address, Durable: true, Declare: true}

// A client ends when it was told to, whatever comes.
func TestClient_EndsInTime(t *testing.T) {
	forever := func(t *testing.T, pause time.Duration, each func(n int) any) func(*eip.Message, func(any)) {
		return func(_ *eip.Message, say func(any)) {
			for n := 0; t.Context().Err() == nil && n < 1_000_000; n++ {
				say(each(n))
				time.Sleep(pause)
			}
		}
	}
	more := func(int) any { return control.Reply{V: 1, Instance: "x", OK: true, More: true} }
	final := func(n int) any { return control.Reply{V: 1, Instance: fmt.Sprint(n), OK: true} }
	garbage := func(int) any { return "{" }
	for name, c := range map[string]struct {
		secret string
		answer func(n int) any
		pause  time.Duration
	}{
		"nothing":               {"", garbage, time.Hour},
		"more without end":      {"", more, 0},
		"processes without end": {"", final, 0},
		"one by one":            {"", final, 5 * time.Millisecond},
		"garbage":               {"", garbage, 0},
		"unsigned":              {"s3cret", final, 0},
	} {
		for _, command := range []string{"status", "list", "stats", "set", "leases", "tap"} {
			t.Run(name+", "+command, func(t *testing.T) {
				b := openBus(t)
				b.client.Secret = c.secret
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				answer := forever(t, 0, c.answer)
				impostor(t, b, func(m *eip.Message, say func(any)) {
					if c.pause < time.Hour {
						answer(m, func(v any) {
							if ctx.Err() != nil {
								return
							}
							say(v)
							time.Sleep(c.pause)
						})
					}
				})
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for range b.client.Do(ctx, control.Command{Command: command, Args: args{"for": "20ms"}}, control.Collect{Wait: 50 * time.Millisecond}) {
					}
				}()
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Error("it goes on")
				}
				stop()
			})
		}
	}
}

// So does one at a socket, which may be anybody's.
func TestClient_EndsInTime_Socket(t *testing.T) {
	const more = `{"v":1,"instance":"x","ok":true,"more":true}` + "\n"
	for name, serve := range map[string]func(net.Conn){
		"reads nothing": func(c net.Conn) { time.Sleep(time.Minute) },
		"says nothing":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"more":          func(c net.Conn) { repeat(c, more, 0) },
		"trickles":      func(c net.Conn) { repeat(c, "x", time.Millisecond) },
		"one long line": func(c net.Conn) { repeat(c, strings.Repeat("x", 1<<16), 0) },
		"garbage":       func(c net.Conn) { repeat(c, "}\n", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { _ = c.Close() })
					if name != "reads nothing" { // it may stay until the test's end otherwise
						go serve(c)
					}
				}
			}()
			c, err := control.DialSocket(path)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				long := control.Command{Command: "status", Args: args{"x": strings.Repeat("y", 900_000)}}
				for range c.Do(t.Context(), long, control.Collect{Wait: 50 * time.Millisecond}) {
				}
			}()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("it goes on")
			}
		})
	}
}

func repeat(c net.Conn, text string, pause time.Duration) {
	for {
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// Where there is a secret, only who knows it is believed, and only in answer to what
// was asked.
func TestClient_BelievesSignedReplies(t *testing.T) {
	const secret = "s3cret"
	b := openBus(t)
	p, _, _ := run(t, marking)
	b.join(t, control.Options{Process: p, Instance: "ünïcode <&>\u2028", Secret: secret})
	b.client.Secret = secret
	wait := control.Collect{Expect: 1, Wait: time.Minute}
	var genuine control.Reply
	for _, c := range []control.Command{{Command: "status"}, {Command: "list"}, {Command: "stats"}, {Command: "set", Target: "no<&>thing\u2028", Args: args{"x": 1}}} {
		got := b.ask(t, c, wait)
		if len(got) != 1 || b.client.Refused() != nil {
			t.Fatalf("%s: %+v, %v", c.Command, got, b.client.Refused())
		}
		for _, genuine = range got {
		}
	}

	other := openBus(t)
	other.client.Secret = secret
	of := func(change func(r *control.Reply)) control.Reply {
		r := genuine
		change(&r)
		return r
	}
	forged := map[string]control.Reply{
		"unsigned":        of(func(r *control.Reply) { r.Signature = "" }),
		"another's":       of(func(r *control.Reply) { r.Signature = strings.Repeat("ab", 32) }),
		"no hexadecimals": of(func(r *control.Reply) { r.Signature = "zz" }),
		"of another time": genuine, // to another command
		"empty":           {},
	}
	impostor(t, other, func(_ *eip.Message, say func(any)) {
		for _, r := range forged {
			say(r)
		}
	})
	if got := other.ask(t, control.Command{Command: "status"}, control.Collect{Wait: 100 * time.Millisecond}); len(got) != 0 {
		t.Errorf("it believes %+v", got)
	}
	if err := other.client.Refused(); err == nil {
		t.Error("it does not say so")
	}
}

// tell answers whoever asks for leases, and says so.
func tell(t *testing.T, b *bus, l control.Lease, asked chan<- struct{}) {
	to, err := b.broker.Sender(t.Context(), controlTopic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	})
	listen(t, b, func(m *eip.Message) {
		c, err := control.DecodeCommand(m.Body())
		if err != nil || c.Args["ask"] == nil {
			return
		}
		body, err := json.Marshal(control.Command{Command: "news", Target: "x", Args: args{"leases": []control.Lease{l}}})
		if err == nil {
			err = eip.Await(t.Context(), to, eip.New(body, nil))
		}
		if err != nil {
			t.Error(err)
		}
		select {
		case asked <- struct{}{}:
		default:
		}
	})
}

// What others say is learned where they know the secret, or could set it themselves;
// and not for longer than leases last.
func TestLeases_AreBelievedWhereSetIs(t *testing.T) {
	for name, c := range map[string]struct {
		o    control.Options
		want bool
	}{
		"no secret, no set": {control.Options{AllowTopic: []string{"status", "leases"}}, false},
		"a secret":          {control.Options{Secret: "s3cret"}, false},
		"set is allowed":    {control.Options{AllowTopic: []string{"set"}}, true},
		"all is allowed":    {control.Options{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := openBus(t)
			asked := make(chan struct{}, 1)
			tell(t, b, control.Lease{Address: "orders.mark", Attribute: "enabled", Value: true, Until: time.Now().AddDate(280, 0, 0)}, asked)
			p, _, _ := run(t, marking)
			c.o.Process, c.o.Instance, c.o.MaxLease = p, "a", time.Hour
			b.join(t, c.o)
			node := func() control.StageNode {
				return do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages[0]
			}
			if c.want {
				until(t, func() bool { return node().Settable["enabled"] == true })
				return
			}
			if c.o.Secret != "" { // it asks, and believes nobody
				<-asked
			}
			time.Sleep(50 * time.Millisecond) // nothing tells that nothing will come
			if node().Settable["enabled"] != false {
				t.Error("it was learned")
			}
		})
	}
}

// A lease has an end that is not far.
func TestLeases_HaveALongest(t *testing.T) {
	p, _, _ := run(t, marking)
	c := serve(t, p, control.Options{Level: &slog.LevelVar{}})
	for _, d := range []any{"25h", "2000000h", "9999999999h", "0s", "-1s", "", "1e9h", 5, true} {
		refused(t, c, control.BadArgs, "set", "orders.mark", args{"enabled": true, "for": d})
		refused(t, c, control.BadArgs, "loglevel", "", args{"level": "debug", "for": d})
	}
	do[any](t, c, "set", "orders.mark", args{"enabled": true, "for": "24h"})
}

// What was signed for one process does nothing in one that comes after it.
func TestSigned_IsOfItsTime(t *testing.T) {
	b := openBus(t)
	// sign is what the contract says, of any time.
	sign := func(from time.Duration) control.Command {
		c := control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": true}, Nonce: eip.NewID(), Time: time.Now().Add(from).UTC().Format(time.RFC3339Nano)}
		text, err := json.Marshal([]any{1, c.Command, c.Target, c.Args, "", c.Time, c.Nonce})
		if err != nil {
			t.Fatal(err)
		}
		h := hmac.New(sha256.New, []byte("s3cret"))
		h.Write(text)
		c.Signature = hex.EncodeToString(h.Sum(nil))
		return c
	}
	captured := sign(0)
	p, _, _ := run(t, marking)
	s := b.join(t, control.Options{Process: p, Instance: "first", Secret: "s3cret"})
	one := control.Collect{Expect: 1, Wait: time.Minute}
	refusal := func(c control.Command, from string) string {
		r := b.ask(t, c, one)[from]
		if r.Error == nil {
			return ""
		}
		return r.Error.Error()
	}
	if got := refusal(captured, "first"); !strings.Contains(got, "older than this process") {
		t.Errorf("from before its start: %q", got)
	}
	if got := refusal(sign(10*time.Second), "first"); !strings.Contains(got, "ahead of this process' clock") {
		t.Errorf("from the future: %q", got)
	}
	fresh := sign(0)
	if got := refusal(fresh, "first"); got != "" {
		t.Errorf("fresh: %q", got)
	}
	s.Close()
	b.join(t, control.Options{Process: p, Instance: "second", Secret: "s3cret"})
	if got := refusal(fresh, "second"); !strings.Contains(got, "older than this process") {
		t.Errorf("after a restart: %q", got)
	}
}

// writer is where a log goes, until it is full.
type writer struct {
	bytes.Buffer
	full bool
}

func (w *writer) Write(b []byte) (int, error) {
	if w.full {
		return 0, errors.New("no space left on device")
	}
	return w.Buffer.Write(b)
}

// Nothing is done that the log does not tell, whatever its level is.
func TestAudit_ComesFirst(t *testing.T) {
	p, _, _ := run(t, marking)
	var log writer
	var level slog.LevelVar
	c := serve(t, p, control.Options{Level: &level, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: &level}))})
	do[any](t, c, "loglevel", "", args{"level": "error"})
	do[any](t, c, "set", "orders.mark", args{"enabled": true})
	if text := log.String(); !strings.Contains(text, "command=set target=orders.mark args=map[enabled:true]") {
		t.Errorf("the log says\n%s", text)
	}
	log.full = true
	for command, a := range map[string]args{"set": {"enabled": false}, "loglevel": {"level": "debug"}, "stop": nil, "inject": {"body": "x"}, "drain": nil, "stats": {"reset": true}, "tap": {"for": "1ms"}} {
		target := map[string]string{"set": "orders.mark", "loglevel": "", "drain": ""}
		to, named := target[command]
		if !named {
			to = "orders"
		}
		if _, err := try[any](t, c, command, to, a); err == nil || !strings.Contains(err.Error(), "nothing was done") {
			t.Errorf("%s without a log: %v", command, err)
		}
	}
	if got := do[control.Graph](t, c, "list", "", nil); got.Flows[0].State != control.Running || got.Flows[0].Stages[0].Settable["enabled"] != true || level.Level() != slog.LevelError {
		t.Errorf("it was done all the same: %+v", got)
	}
}
