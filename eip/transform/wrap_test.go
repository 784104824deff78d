package transform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func wrap(as transform.Envelope) *transform.Wrap {
	w := transform.NewWrap()
	w.As = as
	return w
}

func TestWrap_KeepsTheContract(t *testing.T) {
	for _, as := range []transform.Envelope{transform.JSONEnvelope, transform.CloudEvents} {
		eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return wrap(as) }})
	}
	eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return wrap("json") }, Outcome: eiptest.Rejects,
		Inputs: []*eip.Message{eiptest.Message(`{}`).With(func(m *eip.Message) { m.ID = "\xff" }), eiptest.Message(`{}`).WithHeader("x", make(chan int))}})
	unwrap := func(eip.Handler) eip.Stage { return transform.NewUnwrap() }
	eiptest.Stage(t, eiptest.StageCase{New: unwrap, Inputs: []*eip.Message{eiptest.Message(`{"body": 7}`)}})
	eiptest.Stage(t, eiptest.StageCase{New: unwrap, Outcome: eiptest.Rejects, Inputs: []*eip.Message{eiptest.Message(`{"id": "7"}`), eiptest.Message(`[`)}})
}

// through is what m becomes at a stage.
func through(t *testing.T, s eip.Stage, m *eip.Message) (out *eip.Message, err error) {
	t.Helper()
	if o, ok := s.(eip.Opener); ok {
		if err := o.Open(t.Context(), &eip.Env{Flow: "orders"}); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Process(t.Context(), m, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		out = m
		return nil
	}))
	return out, err
}

// Whatever a message is, it is the same after it was in an envelope, also where nothing but
// the envelope got through. Whole numbers of Go's int come back with 64 bits.
func TestWrap_LosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var value func(depth int) any
	value = func(depth int) any {
		values := []any{nil, true, false, r.Int64(), int8(r.Int32()), int16(r.Int32()), r.Int32(), uint8(r.Int32()), uint16(r.Int32()), r.Uint32(), r.Uint64(), uint(r.Uint64()),
			r.Float32(), r.Float64(), 5.0, math.Inf(1), -0.1, "", "text", "ü\u2028\x00", "\xff\xfe", []byte{}, []byte{0, 255}, eip.Decimal{Scale: 3, Value: -7}, eip.Decimal{Value: 12},
			time.Unix(r.Int64N(1e9), r.Int64N(1e9)).UTC()}
		n := r.IntN(len(values) + 4)
		switch {
		case n < len(values) || depth == 0:
			return values[n%len(values)]
		case n%2 == 0:
			list := make([]any, r.IntN(3))
			for i := range list {
				list[i] = value(depth - 1)
			}
			return list
		}
		table := eip.Headers{}
		for range r.IntN(3) {
			table[pick("a", "$int32", "$$bytes", "$", "ü")] = value(depth - 1)
		}
		return table
	}
	for range 3000 {
		headers := eip.Headers{}
		for range r.IntN(5) {
			headers[pick("tenant", "source", "type", "subject", "data", "specversions", "x-y", "ü", "CC", "a1", "$int32")] = value(3)
		}
		m := eip.New([]byte(pick("", "{}", `{"a": 1.50, "a": 12345678901234567890, "b": "<&>\u00fc"}`, `"text"`, "null", "hello", "\xff", "{", `[1e400]`)), nil).With(func(m *eip.Message) {
			m.ID, m.CorrelationID, m.ReplyTo, m.Type = pick("", "7", "ü\n"), pick("", "8"), pick("", "replies"), pick("", "order.placed")
			m.ContentType = pick("", "application/json", "text/plain; charset=utf-8", "image/png", "text/json", "application/xml")
			m.Encoding, m.Key, m.AppID, m.UserID = pick("", "", "", "br"), pick("", "a.b"), pick("", "shop"), "me"
			m.Priority, m.Expiration, m.Delivery = uint8(r.IntN(10)), time.Duration(r.IntN(3)-1)*time.Second, eip.DeliveryMode(r.IntN(3))
			if r.IntN(2) == 0 {
				m.Timestamp = time.Date(2026, 5, 4, 3, 2, 1, r.IntN(1e9), time.FixedZone("", 3600*r.IntN(3)))
			}
			if r.IntN(2) == 0 {
				m.Sequence = eip.Sequence{ID: "s", Number: 2, Size: 3, Outer: &eip.Sequence{ID: "o", Number: 1}}
			}
			m.Headers = headers
		})
		for _, as := range []transform.Envelope{transform.JSONEnvelope, transform.CloudEvents} {
			wrapped, err := through(t, wrap(as), m)
			if err != nil {
				t.Fatal(err)
			}
			if len(wrapped.Headers) != 0 || !json.Valid(wrapped.Body()) {
				t.Fatalf("%+v", wrapped)
			}
			for _, w := range []*eip.Message{wrapped, eip.New(wrapped.Body(), nil).With(func(m *eip.Message) { m.UserID = "me" })} {
				got, err := through(t, transform.NewUnwrap(), w)
				if err != nil {
					t.Fatalf("%s: %v", wrapped.Body(), err)
				}
				same(t, as, m, got, wrapped)
			}
		}
	}
}

func same(t *testing.T, as transform.Envelope, m, got, wrapped *eip.Message) {
	t.Helper()
	plain := func(m *eip.Message) string {
		return fmt.Sprintf("%q", []any{m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key, m.AppID, m.UserID, m.Priority, m.Expiration, m.Delivery, m.Timestamp.Format(time.RFC3339Nano), m.Sequence.ID, m.Sequence.Number, m.Sequence.Size})
	}
	outer := func(m *eip.Message) any { return m.Sequence.Outer }
	switch {
	case plain(m) != plain(got) || !m.Timestamp.Equal(got.Timestamp) || !reflect.DeepEqual(outer(m), outer(got)):
		t.Fatalf("%s: %s\nbecame\n%s\nby %s", as, plain(m), plain(got), wrapped.Body())
	case string(m.Body()) != string(got.Body()):
		t.Fatalf("%s: body %q became %q by %s", as, m.Body(), got.Body(), wrapped.Body())
	case len(m.Headers)+len(got.Headers) > 0 && !reflect.DeepEqual(m.Headers, got.Headers):
		t.Fatalf("%s: headers %#v became %#v by %s", as, m.Headers, got.Headers, wrapped.Body())
	case got.Copies || got.Status:
		t.Fatal("the flow has not written these headers")
	}
}

func TestWrap_CloudEvent(t *testing.T) {
	m := eip.New([]byte(`{"total": 1.50}`), nil).With(func(m *eip.Message) {
		m.ID, m.Type, m.ContentType, m.Timestamp = "7", "order.placed", "application/json", time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
		m.Headers = eip.Headers{"tenant": "blue", "tries": int64(3), "eip-test": "00000000000000000000000000000000"}
	})
	got, err := through(t, wrap("cloudevents"), m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"datacontenttype":"application/json","eipdmade":"source","eipdmessage":"{\"headers\":{\"eip-test\":\"00000000000000000000000000000000\"}}",` +
		`"id":"7","source":"/orders","specversion":"1.0","tenant":"blue","time":"2026-05-04T03:02:01Z","tries":3,"type":"order.placed","data":{"total": 1.50}}`
	if string(got.Body()) != want || got.ContentType != "application/cloudevents+json" || len(got.Headers) != 1 {
		t.Errorf("%s\nwant\n%s", got.Body(), want)
	}
}

// What others make is read by their standard, or refused.
func TestUnwrap_OfOthers(t *testing.T) {
	const event = `"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.placed"`
	for name, c := range map[string]struct {
		body    string
		headers eip.Headers
		want    string // id, type, content type, body, headers; or an error
	}{
		"an event":         {`{` + event + `, "subject": "a", "time": "2026-05-04T03:02:01+02:00", "data": {"a": 1.50} }`, nil, `7 order.placed application/json {"a": 1.50} map[source:/shop subject:a]`},
		"of text":          {`{` + event + `, "datacontenttype": "text/xml", "data": "<a\/>"}`, nil, `7 order.placed text/xml <a/> map[source:/shop]`},
		"of bytes":         {`{` + event + `, "datacontenttype": "image/png", "data_base64": "AQI="}`, nil, "7 order.placed image/png \x01\x02 map[source:/shop]"},
		"without data":     {`{` + event + `, "n": 3, "b": true, "none": null}`, nil, `7 order.placed application/json  map[b:true n:3 source:/shop]`},
		"imitates ours":    {`{` + event + `, "eip-flow": "x", "eip-none": "y", "data": 1}`, nil, `7 order.placed application/json 1 map[eip-flow:x source:/shop]`},
		"of an old kind":   {`{"specversion": "0.3", "id": "7", "source": "/shop", "type": "a"}`, nil, "error of version 0.3"},
		"lacks a source":   {`{"specversion": "1.0", "id": "7", "type": "a"}`, nil, "error lacks one"},
		"an empty type":    {`{"specversion": "1.0", "id": "7", "source": "/", "type": ""}`, nil, "error type of the CloudEvent is empty"},
		"no time":          {`{` + event + `, "time": "today"}`, nil, "error time of the CloudEvent is none"},
		"no base64":        {`{` + event + `, "data_base64": "?"}`, nil, "error data_base64 is of another type"},
		"a batch":          {`[{` + event + `}]`, nil, "error the body is no map"},
		"in headers":       {`{"a":1}`, eip.Headers{"Ce-Specversion": "1.0", "Ce-Id": "7", "Ce-Source": "/shop", "Ce-Type": "t", "Ce-Tenant": "blue", "x": "y"}, `7 t  {"a":1} map[source:/shop tenant:blue x:y]`},
		"in those of AMQP": {`x`, eip.Headers{"cloudEvents:specversion": "1.0", "cloudEvents:id": "7", "cloudEvents:source": "/shop", "cloudEvents:type": "t"}, `7 t  x map[source:/shop]`},
		"half in headers":  {`x`, eip.Headers{"ce-specversion": "1.0", "ce-id": "7"}, "error lacks one"},
		"of no text":       {`x`, eip.Headers{"ce-specversion": "1.0", "ce-id": 7}, "error id of the CloudEvent is no text"},
		"an envelope":      {`{"id": "7", "type": "t", "headers": {"CC": ["a"], "n": 1.5}, "body": {"a": 1}, "more": 1}`, nil, `7 t  {"a": 1} map[CC:[a] n:1.5]`},
		"of a wrong type":  {`{"id": 7, "body": 1}`, nil, "error id is of another type"},
		"too important":    {`{"priority": 1000, "body": 1}`, nil, "error priority is of another type"},
		"a bad duration":   {`{"expiration": "soon", "body": 1}`, nil, "error expiration"},
		"bad headers":      {`{"headers": [], "body": 1}`, nil, "error headers are no map"},
		"a bad header":     {`{"headers": {"a": {"$int8": "300"}}, "body": 1}`, nil, "error value out of range"},
		"an unknown type":  {`{"headers": {"a": {"$int9": "3"}}, "body": 1}`, nil, "error $int9 is no type"},
		"headers of one":   {`{"headers": {"$int8": "3"}, "body": 1}`, nil, `   1 map[$int8:3]`},
		"no envelope":      {`{"a": 1}`, nil, "error no envelope"},
		"no JSON":          {`{"a": `, nil, "error unexpected end"},
		"a list":           {`[]`, nil, "error no map"},
		"nil":              {`null`, nil, "error no map"},
	} {
		m, err := through(t, transform.NewUnwrap(), eip.New([]byte(c.body), nil).With(func(m *eip.Message) { m.Headers, m.Copies, m.Status = c.headers, true, true }))
		if want, wrong := strings.CutPrefix(c.want, "error "); wrong {
			if !eip.IsInvalid(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(m.ID, " ", m.Type, " ", m.ContentType, " ", string(m.Body()), " ", map[string]any(m.Headers)); got != c.want || m.Copies || m.Status {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWrap_Validate(t *testing.T) {
	for option, spoil := range map[string]func(*transform.Wrap){
		"as":     func(w *transform.Wrap) { w.As = "xml" },
		"source": func(w *transform.Wrap) { w.Source = "/shop" },
		"type":   func(w *transform.Wrap) { w.Type = "" },
	} {
		w := transform.NewWrap()
		if err := w.Validate(); err != nil {
			t.Error(err)
		}
		spoil(w)
		var wrong *eip.OptionError
		if err := w.Validate(); !errors.As(err, &wrong) || wrong.Option != option {
			t.Errorf("error is %v, want one about %s", err, option)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(`{"specversion":"1.0","id":"7","source":"/","type":"t","data":"x","eipdmessage":"{\"headers\":{\"a\":{\"$int8\":\"3\"}}}"}`)
	f.Add(`{"headers":{"a":{"$time":"2026-05-04T03:02:01Z"},"b":[{"$decimal":"1.50"}]},"body_base64":"AQI="}`)
	f.Fuzz(func(t *testing.T, body string) {
		if _, err := through(t, transform.NewUnwrap(), eip.New([]byte(body), nil)); err != nil && !eip.IsInvalid(err) {
			t.Error(err)
		}
	})
}
