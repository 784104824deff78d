package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// hang is a stage that heeds nothing until it is let go.
type hang struct{}

var (
	hanging   chan struct{}
	hangingMu sync.Mutex
)

func init() { eip.Stages.Add("hang", func() eip.Stage { return &hang{} }) }

func (*hang) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	hangingMu.Lock()
	until := hanging
	hangingMu.Unlock()
	<-until
	return next.Handle(ctx, m)
}

// letGo ends what hangs when the test does, before its processes stop.
func letGo(t *testing.T) {
	hangingMu.Lock()
	defer hangingMu.Unlock()
	over := make(chan struct{})
	hanging = over
	t.Cleanup(func() { close(over) })
}

const stuck = `
queue "q" {}
queue "fine" {}
flow "stuck" {
  from        = queue.q
  dead_letter = queue.fine
  hang {}
  to = adapter.out
}
flow "fine" {
  from = adapter.in
  to   = queue.fine
}
flow "other" {
  from = queue.fine
  mark "m" {}
  discard {}
}
`

// A command ends in its time, and then keeps nobody from anything.
func TestCommands_EndInTime(t *testing.T) {
	p, _, _ := run(t, stuck)
	letGo(t)
	c := serve(t, p, control.Options{Timeout: time.Second})
	do[any](t, c, "inject", "queue.q", args{"body": "it hangs"})
	until(t, func() bool { return do[map[string]counts](t, c, "stats", "stuck", nil)["stuck"].InFlight == 1 })
	var all sync.WaitGroup
	for range 3 {
		for _, name := range []string{"inject", "stop", "start", "drain", "tap", "test"} {
			all.Go(func() {
				target, a, command := "stuck", args(nil), name
				switch name {
				case "inject":
					a = args{"body": "x", "timeout": "1s"}
				case "test":
					command, a = "inject", args{"body": "x", "test": true, "timeout": "1s"}
				case "tap":
					a = args{"for": "1s"}
				case "drain":
					target = ""
				}
				_, _ = try[any](t, c, command, target, a) // whatever it comes to
			})
		}
	}
	all.Wait()
	for command, target := range map[string]string{"stop": "fine", "start": "fine"} {
		do[any](t, c, command, target, nil)
	}
	do[any](t, c, "start", "*e*", nil)
	do[any](t, c, "inject", "other", args{"body": "x"})
	refused(t, c, control.BadArgs, "inject", "other", args{"body": "x", "timeout": "2000000h"})
	refused(t, c, control.BadArgs, "tap", "other", args{"for": "1h"})
}

// Nobody takes the places of others: of the socket, of who signs, of another sender.
func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		command, target string
		args            args
		most            int
	}{
		{"inject", "stuck", args{"body": "x", "timeout": "5m"}, 8},
		{"tap", "stuck", args{"for": "5m"}, 4},
		{"stop", "stuck", nil, 20},
	} {
		t.Run(c.command, func(t *testing.T) {
			b := openBus(t)
			p, _, _ := run(t, stuck)
			letGo(t)
			b.join(t, control.Options{Process: p, Instance: "a"})
			do[any](t, p.client, "inject", "queue.q", args{"body": "it hangs"})
			until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "stuck", nil)["stuck"].InFlight == 1 })
			// A sender is told by its inbox.
			greedy, err := control.DialTopic(t.Context(), b.broker, "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			refusals := make(chan error, 40)
			var all sync.WaitGroup
			for range 40 {
				all.Go(func() {
					for r, err := range greedy.Do(ctx, control.Command{Command: c.command, Target: c.target, Args: c.args}, control.Collect{Wait: time.Hour}) {
						if err == nil && r.Error != nil {
							refusals <- r.Error
						}
					}
				})
			}
			for range 40 - c.most {
				if err := <-refusals; !strings.Contains(err.Error(), "too many") {
					t.Errorf("%v", err)
				}
			}
			for who, c := range map[string]*control.Client{"another": b.client, "the socket": p.client} {
				for _, command := range []string{"inject", "tap", "stop", "start"} {
					target, a := "other", args(nil)
					switch command {
					case "inject":
						a = args{"body": "x"}
					case "tap":
						a = args{"for": "1ms"}
					}
					if _, err := try[any](t, c, command, target, a); err != nil {
						t.Errorf("%s by %s: %v", command, who, err)
					}
				}
			}
			cancel()
			all.Wait()
			if err := greedy.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What was put into a flow that hangs is bounded, and other flows are none the worse.
func TestInject_FillsNoMemory(t *testing.T) {
	p, _, _ := run(t, stuck)
	letGo(t)
	c := serve(t, p, control.Options{Timeout: time.Second})
	var failed error
	for n := 0; failed == nil || !strings.Contains(failed.Error(), "are under way there"); n++ {
		if n > 200 {
			t.Fatalf("it takes more and more: %v", failed)
		}
		_, failed = try[any](t, c, "inject", "stuck", args{"body": "x", "timeout": "1ms"})
	}
	do[any](t, c, "inject", "other", args{"body": "x"})
}

// Numbers are what was meant, or nothing is done: the same by every way.
func TestArguments(t *testing.T) {
	b := openBus(t)
	p, _, _ := run(t, `
queue "q" {}
flow "f" {
  from = adapter.in
  to   = queue.q
}
flow "g" {
  from = adapter.in
  wire_tap "w" {
    discard {}
  }
  discard {}
}
`)
	b.join(t, control.Options{Process: p, Instance: "a"})
	for n := range 5 {
		do[any](t, p.client, "inject", "queue.q", args{"body": fmt.Sprint(n)})
	}
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	ways := map[string]func(text string) control.Reply{
		"socket": func(text string) (r control.Reply) {
			if _, err := fmt.Fprintln(conn, text); err != nil {
				t.Fatal(err)
			}
			for r.More = true; r.More; {
				r = control.Reply{}
				line, err := lines.ReadBytes('\n')
				if err == nil {
					err = json.Unmarshal(line, &r)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			return r
		},
		"topic": func(text string) control.Reply { return b.raw(t, text) },
	}
	whole := []string{"0.5", "-1", "1e999", "-1e999", "1e400", "18446744073709551616", `"0.5"`, `"1e999"`, `"NaN"`, `"Inf"`, `"0x10"`, `"1_0"`, `""`, `"x"`, "0", "0.0", "-0", "0e99999999999", "1e-400", "1e-18446744073709551617", "1e18446744073709551617", "null", `"0"`, "true", "[1]", "{}", `"٣"`}
	part := []string{"0", "1.01", "-1", "1e999", "-1e999", `"1e999"`, `"NaN"`, `"Inf"`, `"0x1p-1"`, `""`, "true", "[1]"}
	flag := []string{"1", "0", `"yes"`, `"TRUE"`, "[]", "1e999"}
	times := []string{"5", "0", `"5"`, `"0s"`, `"-1s"`, `"1e999s"`, `"2000000h"`, `"9223372036s"`, "true", `""`}
	for _, c := range []struct {
		command, target, arg string
		values               []string
		rest                 string
	}{
		{"purge", "queue.q", "count", whole, `,"confirm":"queue.q"`},
		{"purge", "queue.q", "save", flag, `,"confirm":"queue.q"`},
		{"purge", "queue.q", "counts", []string{"1"}, `,"confirm":"queue.q"`},
		{"purge", "queue.q", "confirm", []string{"1", "null", `"queue.*"`, `"QUEUE.Q"`}, ""},
		{"replay", "f", "count", whole, ""},
		{"replay", "f", "invalid", flag, ""},
		{"tap", "f", "count", whole, `,"for":"1ms"`},
		{"tap", "f", "sample", part, `,"for":"1ms"`},
		{"tap", "f", "for", times, ""},
		{"inject", "queue.q", "timeout", times, `,"body":"x"`},
		{"inject", "queue.q", "test", flag, `,"body":"x"`},
		{"inject", "queue.q", "headers", []string{`{"n":1e999}`, `{"n":[{"m":18446744073709551616}]}`, "1", `"x"`}, `,"body":"x"`},
		{"inject", "queue.q", "key", []string{"1", "true", "{}"}, `,"body":"x"`},
		{"set", "g.w", "sample", []string{"1e999", "18446744073709551616", "-0.1", `"NaN"`, `"1e999"`, "true", `[1e999]`}, ""},
		{"set", "g.w", "for", times, `,"enabled":true`},
		{"stats", "f", "reset", flag, ""},
		{"stop", "f", "force", []string{"true"}, ""},
		{"status", "", "all", []string{"true"}, ""},
	} {
		for _, value := range c.values {
			for way, ask := range ways {
				text := fmt.Sprintf(`{"command":%q,"target":%q,"args":{%q:%s%s}}`, c.command, c.target, c.arg, value, c.rest)
				if r := ask(text); r.Error == nil || r.Error.Code != control.BadArgs {
					t.Errorf("by %s %s is answered by %+v, %s", way, text, r.Error, r.Result)
				}
			}
		}
	}
	for _, target := range []string{"status", "leases", "drain", "loglevel"} {
		refused(t, p.client, control.BadArgs, target, "f", nil)
	}
	if st := do[control.Status](t, p.client, "status", "", nil); len(st.Stopped) > 0 {
		t.Errorf("%+v", st)
	}
	// A body is byte for byte what was written, and a whole number may have a point.
	ways["topic"](`{"command":"inject","target":"queue.q","args":{"body":{"n":18446744073709551616.10,"m":1e999}}}`)
	got := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q", "count": json.Number("5.0")})
	if got.Removed != 5 {
		t.Errorf("%+v were removed, so some had an effect", got)
	}
	if got := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q", "save": true}); got.Removed != 1 {
		t.Errorf("%+v", got)
	}
}

// raw gives a command as it is written, and returns the last reply.
func (b *bus) raw(t *testing.T, text string) (r control.Reply) {
	t.Helper()
	to, err := b.broker.Sender(t.Context(), controlTopic)
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := broker.Inbox(t.Context(), b.broker, "")
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	if err := eip.Await(t.Context(), to, eip.New([]byte(text), nil).With(func(m *eip.Message) { m.ReplyTo = inbox.Address() })); err != nil {
		t.Fatal(err)
	}
	for r.More = true; r.More; {
		r = control.Reply{}
		receive(t, inbox, &r)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	return r
}
