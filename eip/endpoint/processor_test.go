package endpoint_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/testmessage"
)

func ExampleProcessor() {
	upper := endpoint.NewProcessor()
	upper.Work = func(_ context.Context, m *eip.Message) (*eip.Message, error) {
		return m.WithBody(bytes.ToUpper(m.Body())), nil
	}

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})
	flow := eip.Chain([]eip.Stage{upper}, show)
	eip.Deliver(context.Background(), flow, eip.New([]byte("order 7"), nil))
	// Output: ORDER 7
}

func TestProcessor_Contract(t *testing.T) {
	errFull := errors.New("full")
	does := func(made func(*eip.Message) *eip.Message, err error) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			p := endpoint.NewProcessor()
			p.Work = func(_ context.Context, m *eip.Message) (*eip.Message, error) { return made(m), err }
			return p
		}
	}
	same := func(m *eip.Message) *eip.Message { return m }
	none := func(*eip.Message) *eip.Message { return nil }
	for name, c := range map[string]eiptest.StageCase{
		"passes on": {New: does(same, nil)},
		"drops":     {New: does(none, nil), Outcome: eiptest.Drops},
		"fails":     {New: does(none, errFull), Outcome: eiptest.Fails},
		"rejects":   {New: does(none, eip.Invalid(errFull)), Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// A worker is a shell script for each line, which finds its id in $id and itself in
// $line. $n counts the lines.
func worker(script string, arguments ...string) []string {
	loop := `n=0; while IFS= read -r line; do n=$((n+1)); id=${line#*\"id\":}; id=${id%%,*}; ` + script + `; done`
	return append(append(sh(loop), "sh"), arguments...)
}

// processor is an open Processor of a command.
func processor(t *testing.T, edit func(*endpoint.Processor, *eip.Env), command ...string) *endpoint.Processor {
	t.Helper()
	p, env := endpoint.NewProcessor(), eiptest.Env()
	p.Command, p.Timeout = command, time.Hour
	if edit != nil {
		edit(p, env)
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// says answers every line with the same.
func says(members string) []string {
	return worker(`printf '{"id":%s,%s}\n' "$id" "$1"`, members)
}

func TestProcessor_WhatComesOfAMessage(t *testing.T) {
	m := eiptest.Message(`{"a":1}`).WithHeaders(eip.Headers{"old": 1, header.Reason: "failed"})
	m.ID, m.ContentType, m.Encoding = "m7", "application/vnd.a+json", ""
	type sent = map[string][]string
	tests := map[string]struct {
		says        string
		body        string // of what goes on; "": nothing does
		contentType string
		headers     eip.Headers
		sent        sent
		err         string
	}{
		"as it was":    {says: `"ok":true`, body: `{"a":1}`, contentType: "application/vnd.a+json", headers: m.Headers},
		"JSON":         {says: `"ok":true,"body":{"b":1.0}`, body: `{"b":1.0}`, contentType: "application/json", headers: m.Headers},
		"text":         {says: `"ok":true,"body":"b"`, body: "b", contentType: "text/plain; charset=utf-8", headers: m.Headers},
		"bytes":        {says: `"ok":true,"body_base64":"AP8="`, body: "\x00\xff", contentType: "application/octet-stream", headers: m.Headers},
		"headers":      {says: `"ok":true,"headers":{"old":null,"new":2,"eip-reason":"mine"}`, body: `{"a":1}`, contentType: "application/vnd.a+json", headers: eip.Headers{"new": 2, header.Reason: "failed"}},
		"dropped":      {says: `"ok":true,"drop":true`},
		"sent":         {says: `"ok":true,"send":[{"to":"queue.b"},{"to":"queue.a","body":[1]}],"drop":true`, sent: sent{"a": {`m7.2 [1] application/json`}, "b": {`m7.1 {"a":1} application/vnd.a+json`}}},
		"sent besides": {says: `"ok":true,"body":2,"send":[{"to":"queue.a","body":1}]`, body: "2", contentType: "application/json", headers: m.Headers, sent: sent{"a": {`m7.1 1 application/json`}}},
		"not allowed":  {says: `"ok":true,"send":[{"to":"queue.a"},{"to":"queue.c"}]`, err: `the worker sends to "queue.c", which is not in "allow"; nothing was sent`},
		"failed":       {says: `"error":"busy"`, err: "the worker failed: busy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a, b eiptest.Recorder
			p := processor(t, func(p *endpoint.Processor, _ *eip.Env) {
				p.Allow = []eip.Target{{Name: "queue.a", Handler: &a}, {Name: "queue.b", Handler: &b}}
			}, says(tt.says)...)
			passed, err := eiptest.Process(t.Context(), p, m)
			if fmt.Sprint(err) != cmp.Or(tt.err, "<nil>") || eip.IsPermanent(err) != (name == "not allowed") {
				t.Errorf("failed with %v, want %q", err, tt.err)
			}
			if tt.body == "" && len(passed) > 0 || tt.body != "" && len(passed) != 1 {
				t.Fatalf("passed on %d messages", len(passed))
			}
			for _, got := range passed {
				if string(got.Body()) != tt.body || got.ContentType != tt.contentType || !reflect.DeepEqual(got.Headers, tt.headers) || got.ID != "m7" {
					t.Errorf("passed on %q of %q, %v", got.Body(), got.ContentType, got.Headers)
				}
			}
			for name, r := range map[string]*eiptest.Recorder{"a": &a, "b": &b} {
				var got []string
				for _, m := range r.Messages() {
					got = append(got, fmt.Sprintf("%s %s %s", m.ID, m.Body(), m.ContentType))
				}
				if !slices.Equal(got, tt.sent[name]) {
					t.Errorf("%s got %q", name, got)
				}
			}
			if s := p.Stats().Counts; s["running"] != 1 || s["restarts"]+s["crashes"]+s["garbage"]+s["timed_out"] != 0 {
				t.Errorf("counts %v", s)
			}
		})
	}
}

// A channel that refuses what a worker sends fails the message, which goes no further.
func TestProcessor_SendRefused(t *testing.T) {
	full := eiptest.Recorder{Err: func(*eip.Message) error { return errors.New("full") }}
	p := processor(t, func(p *endpoint.Processor, _ *eip.Env) { p.Allow = []eip.Target{{Name: "queue.a", Handler: &full}} },
		says(`"ok":true,"send":[{"to":"queue.a"}]`)...)
	if passed, err := eiptest.Process(t.Context(), p, eiptest.Message("x")); err == nil || err.Error() != "full" || passed != nil {
		t.Errorf("passed on %d, %v", len(passed), err)
	}
}

// What the flow wrote of copies and statuses is not the worker's to say.
func TestProcessor_HeadersWithASayAreNotTheWorkers(t *testing.T) {
	m := eiptest.Message("x").With(func(m *eip.Message) { m.Copies, m.Status = true, true })
	for says_, want := range map[string][2]bool{`"a":1`: {true, true}, `"CC":["q"]`: {false, true}, `"BCC":["q"]`: {false, true}, `"http_status":500`: {true, false}} {
		passed, err := eiptest.Process(t.Context(), processor(t, nil, says(`"ok":true,"headers":{`+says_+`}`)...), m)
		if err != nil || len(passed) != 1 || [2]bool{passed[0].Copies, passed[0].Status} != want {
			t.Errorf("%s: %v", says_, err)
		}
	}
}

func TestProcessor_WhatAWorkerReads(t *testing.T) {
	full := eiptest.Message(`{"n": 12345678901234567890, "f": 1.0, "text": "<a> ☃"}`).WithHeaders(eip.Headers{"n": 7, "t": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		header.History: []any{eip.Headers{"address": "a.b", "time": "2026-01-02T03:04:05Z"}}})
	full = full.With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.Key, m.Channel = "m7", "c7", "back", "order", "eu", "queue.in"
		m.Timestamp, m.Expiration, m.Priority, m.Redelivered = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), time.Minute, 9, true
		m.Sequence = eip.Sequence{ID: "s", Number: 2, Size: 3}
		m.ContentType = "application/json"
	})
	typed := func(contentType string, body ...byte) *eip.Message {
		return eip.New(body, nil).With(func(m *eip.Message) { m.ContentType = contentType })
	}
	tests := map[string]struct {
		m          *eip.Message
		body, want string
	}{
		"everything": {full, "body", `{"f":1.0,"n":12345678901234567890,"text":"<a> ☃"}`},
		"text":       {eiptest.Message("no JSON\n"), "body", `"no JSON\n"`},
		"null":       {eiptest.Message("null"), "body", `null`},
		"bytes":      {typed("image/png", 0, 255), "body_base64", `"AP8="`},
		"no UTF-8":   {typed("text/plain", 'a', 255), "body_base64", `"Yf8="`},
		"empty":      {typed("application/octet-stream"), "body_base64", `""`},
	}
	echo := processor(t, nil, worker(`printf '{"id":%s,"ok":true,"body":%s}\n' "$id" "$line"`)...)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			passed, err := eiptest.Process(t.Context(), echo, tt.m)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]json.RawMessage
			if err := json.Unmarshal(passed[0].Body(), &got); err != nil {
				t.Fatal(err)
			}
			if string(got[tt.body]) != tt.want || string(got["attempt"]) != "1" {
				t.Errorf("%s", passed[0].Body())
			}
			for _, of := range []string{"message", "headers"} {
				seen, err := expression.Value(of)
				if err != nil {
					t.Fatal(err)
				}
				v, err := seen(t.Context(), tt.m)
				if err != nil {
					t.Fatal(err)
				}
				text, _, err := content.Encode(v)
				if err != nil {
					t.Fatal(err)
				}
				if want, got := decoded(t, text), decoded(t, got[of]); !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, and for expressions %v", of, got, want)
				}
			}
		})
	}
	if _, err := eiptest.Process(t.Context(), echo, typed("application/json", '{')); !eip.IsInvalid(err) {
		t.Errorf("a body that is not what it says: %v", err)
	}
}

func decoded(t *testing.T, text []byte) any {
	v, err := content.DecodeJSON(text)
	if err != nil {
		t.Error(err)
	}
	return v
}

// A retry is told apart from the first attempt.
func TestProcessor_Attempts(t *testing.T) {
	p := endpoint.NewProcessor()
	p.Command, p.Timeout = worker(`case $line in *'"attempt":3'*) s='"ok":true';; *) s='"error":"busy"';; esac; printf '{"id":%s,%s}\n' "$id" "$s"`), time.Hour
	var out eiptest.Recorder
	in := eiptest.NewTexts("a", "b")
	f := &eip.Flow{Name: "f", Source: in, Stages: []eip.Stage{p}, To: &out, Retry: eip.Retry{Attempts: 3, Delay: time.Millisecond}}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Check(t)
	if got := out.Bodies(); len(got) != 2 {
		t.Errorf("passed on %q", got)
	}
}

// Two workers work at once, and each on one message at a time.
func TestProcessor_SeveralWorkers(t *testing.T) {
	meet := filepath.Join(t.TempDir(), "meet")
	if err := syscall.Mkfifo(meet, 0o600); err != nil {
		t.Fatal(err)
	}
	p := endpoint.NewProcessor()
	p.Workers, p.Timeout = 2, time.Hour
	p.Command = worker(`case $line in *reader*) read x <"$1";; *) echo here >"$1";; esac; printf '{"id":%s,"ok":true,"body":%s}\n' "$id" "$n"`, meet)
	var out eiptest.Recorder
	in := eiptest.NewTexts("reader 1", "writer 1")
	f := &eip.Flow{Name: "f", Source: in, Stages: []eip.Stage{p}, To: &out, Concurrency: 4}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Check(t)
	if got := out.Bodies(); !slices.Equal(got, []string{"1", "1"}) {
		t.Errorf("passed on %q", got)
	}
}

func TestProcessor_TestMessages(t *testing.T) {
	for policy, want := range map[testmessage.Policy]string{testmessage.Skip: "as it was", testmessage.Pass: "2"} {
		p := endpoint.NewProcessor()
		p.Command, p.Timeout, p.OnTest = says(`"ok":true,"body":2`), time.Hour, policy
		var out eiptest.Recorder
		m := eiptest.Message("as it was").WithHeader(header.Test, eip.NewID())
		f := &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Stages: []eip.Stage{p}, To: &out}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.Bodies(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: passed on %q", policy, got)
		}
	}
}

func TestProcessor_Validate(t *testing.T) {
	tests := map[string]struct {
		edit func(*endpoint.Processor)
		want string
	}{
		"good":       {func(*endpoint.Processor) {}, ""},
		"no command": {func(p *endpoint.Processor) { p.Command = nil }, "command"},
		"Work": {func(p *endpoint.Processor) {
			p.Command = nil
			p.Work = func(context.Context, *eip.Message) (*eip.Message, error) { return nil, nil }
		}, ""},
		"no program":   {func(p *endpoint.Processor) { p.Command = []string{"", "x"} }, "command"},
		"no workers":   {func(p *endpoint.Processor) { p.Workers = 0 }, "workers"},
		"many workers": {func(p *endpoint.Processor) { p.Workers = 1e6 }, "workers"},
		"no time":      {func(p *endpoint.Processor) { p.Timeout = 0 }, "timeout"},
		"no output":    {func(p *endpoint.Processor) { p.MaxOutput = 0 }, "max_output"},
		"much output":  {func(p *endpoint.Processor) { p.MaxOutput = 1 << 40 }, "max_output"},
		"twice":        {func(p *endpoint.Processor) { p.Allow = []eip.Target{{Name: "a"}, {Name: "a"}} }, "allow"},
	}
	for name, tt := range tests {
		p := endpoint.NewProcessor()
		p.Command = []string{"cat"}
		tt.edit(p)
		if got := optionOf(p.Validate()); got != tt.want {
			t.Errorf("%s: blames %q, want %q", name, got, tt.want)
		}
	}
	if last, passes := endpoint.NewProcessor().Ends(); !last || !passes {
		t.Error("a processor may be the last, and passes on")
	}
}
