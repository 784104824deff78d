package transform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func ExampleTransform() {
	field := func(name string) eip.Value {
		return func(_ context.Context, m *eip.Message) (any, error) {
			v, err := m.Value()
			if err != nil {
				return nil, err
			}
			return v.(map[string]any)[name], nil
		}
	}
	t := transform.NewTransform()
	t.Body = field("items")
	t.Headers = map[string]eip.Value{"order": field("id")}

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s %v %s\n", m.Body(), m.Headers, m.ContentType)
		return nil
	})
	flow := eip.Chain([]eip.Stage{t}, show)
	eip.Deliver(context.Background(), flow, eip.New([]byte(`{"id": 7, "items": ["pen", "ink"]}`), nil))
	// Output: ["pen","ink"] map[order:7] application/json
}

func value(v any) eip.Value {
	return func(context.Context, *eip.Message) (any, error) { return v, nil }
}

func text(s string) eip.Text {
	return func(context.Context, *eip.Message) (string, error) { return s, nil }
}

var errNoMember = eip.Invalid(errors.New("no such member"))

func noValue(context.Context, *eip.Message) (any, error)   { return nil, errNoMember }
func noText(context.Context, *eip.Message) (string, error) { return "", errNoMember }

func TestTransform_Contract(t *testing.T) {
	full := &transform.Transform{Body: value(map[string]any{"a": 1}), Headers: map[string]eip.Value{"new": value("x"), "old": value(nil)},
		Remove: []string{"gone"}, Type: text("t"), Key: text("k"), ContentType: text("text/plain"), CorrelationID: text("c"), ReplyTo: text("r")}
	input := eiptest.Message(`{"a":[1]}`).WithHeaders(eip.Headers{"old": "o", "gone": []any{"g"}, "kept": eip.Headers{"n": 1}})
	for name, c := range map[string]eiptest.StageCase{
		"nothing":    {New: func(eip.Handler) eip.Stage { return transform.NewTransform() }},
		"everything": {New: func(eip.Handler) eip.Stage { return full }},
		"body":       {New: func(eip.Handler) eip.Stage { return &transform.Transform{Body: noValue} }, Outcome: eiptest.Rejects},
		"impossible": {New: func(eip.Handler) eip.Stage { return &transform.Transform{Body: value(math.NaN())} }, Outcome: eiptest.Rejects},
	} {
		c.Inputs = []*eip.Message{input}
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// one passes m through the stage and returns what came out.
func one(t *testing.T, s eip.Stage, m *eip.Message) *eip.Message {
	t.Helper()
	passed, err := eiptest.Process(t.Context(), s, m)
	if err != nil || len(passed) != 1 {
		t.Fatalf("passed on %d messages, %v", len(passed), err)
	}
	return passed[0]
}

func TestTransform_Everything(t *testing.T) {
	m := eiptest.Message("old").WithHeaders(eip.Headers{"kept": 1, "removed": 2, "set_anew": 3, "made_nil": 4})
	m.ID, m.Type, m.Key, m.ContentType, m.CorrelationID, m.ReplyTo = "id", "type", "key", "image/png", "corr", "back"
	got := one(t, &transform.Transform{
		Body:    value("new"),
		Headers: map[string]eip.Value{"added": value(true), "set_anew": value("x"), "made_nil": value(nil), "absent": value(nil)},
		Remove:  []string{"removed", "set_anew", "not_there"},
		Type:    text("type2"), Key: text("key2"), ContentType: text("text/csv"), CorrelationID: text("corr2"), ReplyTo: text(""),
	}, m)
	if want := (eip.Headers{"kept": 1, "added": true, "set_anew": "x"}); !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("headers %v, want %v", got.Headers, want)
	}
	if s := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", got.Body(), got.ID, got.Type, got.Key, got.ContentType, got.CorrelationID, got.ReplyTo); s != "new|id|type2|key2|text/csv|corr2|" {
		t.Errorf("got %s", s)
	}
}

// What one expression makes, no other one sees.
func TestTransform_AllExpressionsSeeTheOriginal(t *testing.T) {
	seen := func(_ context.Context, m *eip.Message) (string, error) {
		return fmt.Sprintf("%s %v %s%s%s", m.Body(), m.Headers["h"], m.Type, m.Key, m.ContentType), nil
	}
	anySeen := func(ctx context.Context, m *eip.Message) (any, error) { return seen(ctx, m) }
	got := one(t, &transform.Transform{Body: anySeen, Headers: map[string]eip.Value{"h": anySeen, "i": anySeen},
		Type: seen, Key: seen, ContentType: seen, CorrelationID: seen, ReplyTo: seen}, eiptest.Message("b").WithHeader("h", 1))
	const want = "b 1 "
	for _, s := range []any{string(got.Body()), got.Headers["h"], got.Headers["i"], got.Type, got.Key, got.ContentType, got.CorrelationID, got.ReplyTo} {
		if s != want {
			t.Errorf("an expression saw %q, want %q", s, want)
		}
	}
}

func TestTransform_BodyAndContentType(t *testing.T) {
	tests := map[string]struct {
		stage    transform.Transform
		was      string
		want     string
		wantType string
	}{
		"text for JSON":             {transform.Transform{Body: value("x<")}, "application/json", "x<", "text/plain; charset=utf-8"},
		"text for none":             {transform.Transform{Body: value("x")}, "", "x", ""},
		"list":                      {transform.Transform{Body: value([]any{1, "<", nil})}, "text/plain", `[1,"<",null]`, "application/json"},
		"bytes":                     {transform.Transform{Body: value([]byte{1})}, "application/json", "\x01", "application/octet-stream"},
		"nil":                       {transform.Transform{Body: value(nil)}, "", "null", "application/json"},
		"type set":                  {transform.Transform{Body: value(1), ContentType: text("text/plain")}, "", "1", "text/plain"},
		"type taken away":           {transform.Transform{Body: value(1), ContentType: text("")}, "text/plain", "1", ""},
		"type alone":                {transform.Transform{ContentType: text("text/plain")}, "application/json", "old", "text/plain"},
		"neither: as it came":       {transform.Transform{Key: text("k")}, "application/json", "old", "application/json"},
		"headers do not touch them": {transform.Transform{Headers: map[string]eip.Value{"a": value(1)}}, "image/png", "old", "image/png"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := eiptest.Message("old")
			m.ContentType = tt.was
			got := one(t, &tt.stage, m)
			if string(got.Body()) != tt.want || got.ContentType != tt.wantType {
				t.Errorf("got %q of %q, want %q of %q", got.Body(), got.ContentType, tt.want, tt.wantType)
			}
		})
	}
}

// A body that was read by one content type is read anew by the other.
func TestTransform_AnotherContentTypeIsReadAnew(t *testing.T) {
	m := eiptest.Message("7")
	if v, err := m.Value(); v != 7 || err != nil {
		t.Fatal(v, err)
	}
	got := one(t, &transform.Transform{ContentType: text("text/plain")}, m)
	if v, err := got.Value(); v != "7" || err != nil {
		t.Errorf("got %#v, %v, want text", v, err)
	}
}

func TestTransform_HeaderValues(t *testing.T) {
	now := time.Now()
	got := one(t, &transform.Transform{Headers: map[string]eip.Value{
		"table": value(map[string]any{"a": []any{1, map[string]any{"b": nil}}}), "time": value(now), "bytes": value([]byte("x")),
	}}, eiptest.Message(""))
	want := eip.Headers{"table": eip.Headers{"a": []any{1, eip.Headers{"b": nil}}}, "time": now, "bytes": []byte("x")}
	if !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("got %#v, want %#v", got.Headers, want)
	}
	got = one(t, &transform.Transform{Headers: map[string]eip.Value{"n": value([]any{
		json.Number("1.0"), json.Number("1e3"), json.Number("12345678901234567890"), json.Number("9007199254740993.0")})}}, eiptest.Message(""))
	if want := (eip.Headers{"n": []any{1.0, 1000.0, uint64(12345678901234567890), 9007199254740993}}); !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("got %#v, want %#v", got.Headers, want)
	}
	for _, n := range []json.Number{"1234567890123456.78", "1e400", "-12345678901234567890", "1e99999999999999999999"} {
		_, err := eiptest.Process(t.Context(), &transform.Transform{Headers: map[string]eip.Value{"h": value(n)}}, eiptest.Message(""))
		if !eip.IsInvalid(err) || !strings.Contains(err.Error(), "no header can hold all of the number") {
			t.Errorf("%s: got %v", n, err)
		}
	}
	for _, v := range []any{struct{}{}, []any{func() {}}, map[string]any{"a": make(chan int)}} {
		_, err := eiptest.Process(t.Context(), &transform.Transform{Headers: map[string]eip.Value{"h": value(v)}}, eiptest.Message(""))
		if !eip.IsInvalid(err) || !strings.HasPrefix(err.Error(), "headers.h: no header can hold a value of type ") {
			t.Errorf("%T: got %v", v, err)
		}
	}
}

// A routing list from outside goes nowhere, also beside one that the flow writes.
func TestTransform_AllowsCopiesOfItsOwn(t *testing.T) {
	outside := eiptest.Message("").WithHeader("BCC", "theirs")
	if got := one(t, &transform.Transform{Headers: map[string]eip.Value{"a": value(1)}}, outside); got.Copies {
		t.Error("copies are allowed that the flow does not ask for")
	}
	got := one(t, &transform.Transform{Headers: map[string]eip.Value{"CC": value([]any{"ours"})}}, outside)
	if want := (eip.Headers{"CC": []any{"ours"}}); !got.Copies || !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("Copies is %v with %v", got.Copies, got.Headers)
	}
}

func TestTransform_FailingExpressions(t *testing.T) {
	for name, s := range map[string]*transform.Transform{
		"body": {Body: noValue}, "headers.h": {Headers: map[string]eip.Value{"h": noValue}}, "type": {Type: noText}, "key": {Key: noText},
		"content_type": {ContentType: noText}, "correlation_id": {CorrelationID: noText}, "reply_to": {ReplyTo: noText},
	} {
		passed, err := eiptest.Process(t.Context(), s, eiptest.Message("x"))
		if !errors.Is(err, errNoMember) || !strings.HasPrefix(err.Error(), name+": ") || passed != nil {
			t.Errorf("%s: got %v, passed on %d", name, err, len(passed))
		}
	}
}

func TestTransform_WritesTheStatus(t *testing.T) {
	outside := eiptest.Message("m").With(func(m *eip.Message) { m.Headers = eip.Headers{"http_status": 404} })
	for name, tt := range map[string]struct {
		stage *transform.Transform
		want  bool
	}{
		"nothing":      {&transform.Transform{}, false},
		"other header": {&transform.Transform{Headers: map[string]eip.Value{"a": value(1)}}, false},
		"the status":   {&transform.Transform{Headers: map[string]eip.Value{"http_status": value(200)}}, true},
	} {
		if got := one(t, tt.stage, outside); got.Status != tt.want {
			t.Errorf("%s: Status is %v", name, got.Status)
		}
		if written := outside.WithHeader("http_status", 201); !one(t, tt.stage, written).Status {
			t.Errorf("%s: what an earlier stage wrote is forgotten", name)
		}
	}
}
