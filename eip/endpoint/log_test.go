package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

func ExampleLog() {
	log := endpoint.NewLog()
	log.Level = endpoint.LevelWarn
	log.Message = func(_ context.Context, m *eip.Message) (any, error) { return "odd order " + string(m.Body()), nil }

	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log.Open(context.Background(), &eip.Env{Address: "orders.log",
		Log: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}))})
	flow := eip.Chain([]eip.Stage{log}, eip.Discard)
	eip.Deliver(context.Background(), flow, eip.New([]byte("7"), nil))
	// Output: level=WARN msg="odd order 7" stage=orders.log message_id=""
}

func text(s any) eip.Value {
	return func(context.Context, *eip.Message) (any, error) { return s, nil }
}

var errNoMember = eip.Invalid(errors.New("no such member"))

func noValue(context.Context, *eip.Message) (any, error) { return nil, errNoMember }

// opened opens l, and returns where its lines go.
func opened(t *testing.T, l *endpoint.Log) *bytes.Buffer {
	t.Helper()
	var lines bytes.Buffer
	env := eiptest.Env()
	env.Log = slog.New(slog.NewJSONHandler(&lines, nil))
	if err := l.Open(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	return &lines
}

func TestLog_Contract(t *testing.T) {
	// With a handler that takes everything, so that expressions are evaluated.
	logging := func(message eip.Value) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				l := endpoint.NewLog()
				l.Message = message
				env := eiptest.Env()
				env.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
				if err := l.Open(ctx, env); err != nil {
					return err
				}
				return l.Process(ctx, m, next)
			})
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"not logged": {New: func(eip.Handler) eip.Stage { return endpoint.NewLog() }},
		"default":    {New: logging(nil)},
		"message":    {New: logging(text("hello"))},
		"fails":      {New: logging(noValue), Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestLog_Lines(t *testing.T) {
	tests := map[string]struct {
		log  func(*endpoint.Log)
		want map[string]any
	}{
		"default": {func(*endpoint.Log) {}, map[string]any{"level": "INFO", "msg": "message passed", "stage": "test.stage", "message_id": "m1",
			"channel": "orders", "content_type": "text/plain", "bytes": 5.0}},
		"text":  {func(l *endpoint.Log) { l.Message = text("two\nlines") }, map[string]any{"level": "INFO", "msg": "two\nlines", "stage": "test.stage", "message_id": "m1"}},
		"value": {func(l *endpoint.Log) { l.Message = text(map[string]any{"a": 1}) }, map[string]any{"level": "INFO", "msg": `{"a":1}`, "stage": "test.stage", "message_id": "m1"}},
		"level": {func(l *endpoint.Log) { l.Level, l.Message = endpoint.LevelError, text("x") }, map[string]any{"level": "ERROR", "msg": "x", "stage": "test.stage", "message_id": "m1"}},
		"no UTF-8": {func(l *endpoint.Log) { l.Message = text([]byte("a\xff")) },
			map[string]any{"level": "INFO", "msg": "a�", "stage": "test.stage", "message_id": "m1"}},
		"long": {func(l *endpoint.Log) { l.Message = text("x" + strings.Repeat("é", 1<<20)) },
			map[string]any{"level": "INFO", "msg": "x" + strings.Repeat("é", 8191) + "…", "stage": "test.stage", "message_id": "m1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := endpoint.NewLog()
			tt.log(l)
			lines := opened(t, l)
			m := eiptest.Message("hello")
			m.ID, m.Channel, m.ContentType = "m1", "orders", "text/plain"
			passed, err := eiptest.Process(t.Context(), l, m)
			if err != nil || len(passed) != 1 || string(passed[0].Body()) != "hello" {
				t.Fatalf("passed on %d, %v", len(passed), err)
			}
			var got map[string]any
			if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, lines)
			}
			delete(got, "time")
			if g, w := mustJSON(t, got), mustJSON(t, tt.want); g != w {
				t.Errorf("got  %.300s\nwant %.300s", g, w)
			}
		})
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLog_LevelNotLogged(t *testing.T) {
	l := endpoint.NewLog()
	l.Level, l.Message = endpoint.LevelDebug, noValue
	lines := opened(t, l)
	if passed, err := eiptest.Process(t.Context(), l, eiptest.Message("x")); err != nil || len(passed) != 1 || lines.Len() > 0 {
		t.Errorf("passed on %d, %v, logged %s", len(passed), err, lines)
	}
}

func TestLog_FailingExpression(t *testing.T) {
	l := endpoint.NewLog()
	l.Message = noValue
	lines := opened(t, l)
	if _, err := eiptest.Process(t.Context(), l, eiptest.Message("x")); !errors.Is(err, errNoMember) || lines.Len() > 0 {
		t.Errorf("got %v, logged %s", err, lines)
	}
}

func TestLog_Validate(t *testing.T) {
	l := endpoint.NewLog()
	for _, level := range l.Level.Options() {
		l.Level = endpoint.Level(level)
		if err := l.Validate(); err != nil {
			t.Error(err)
		}
	}
	l.Level = "loud"
	if err := l.Validate(); optionOf(err) != "level" || !strings.Contains(err.Error(), "debug, info, warn, error") {
		t.Errorf("got %v", err)
	}
}
