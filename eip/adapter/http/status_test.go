package http_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
)

// What the flow writes is the status of the answer, and nothing that came from
// outside is.
func TestHTTP_Status(t *testing.T) {
	wrote := func(v any) func(*eip.Message) *eip.Message {
		return func(m *eip.Message) *eip.Message { return m.WithHeader("http_status", v) }
	}
	outside := func(v any) func(*eip.Message) *eip.Message {
		return func(m *eip.Message) *eip.Message {
			return m.With(func(m *eip.Message) { m.Headers = eip.Headers{"http_status": v} })
		}
	}
	for name, tt := range map[string]struct {
		reply  func(*eip.Message) *eip.Message
		status int
	}{
		"an echo":                 {func(m *eip.Message) *eip.Message { return m }, 200},
		"of another message, 503": {outside(503), 200},
		"of another message, odd": {outside("4o4"), 200},
		"other headers":           {func(m *eip.Message) *eip.Message { return m.WithHeader("a", 1) }, 200},
		"removed":                 {func(m *eip.Message) *eip.Message { return wrote(404)(m).Without("http_status") }, 200},
		"nil":                     {wrote(nil), 200},
		"int":                     {wrote(404), 404},
		"int64":                   {wrote(int64(200)), 200},
		"uint16":                  {wrote(uint16(599)), 599},
		"text":                    {wrote("409"), 409},
		"JSON number":             {wrote(json.Number("201")), 201},
		"the last counts":         {func(m *eip.Message) *eip.Message { return wrote(410)(wrote("4o4")(m)) }, 410},
		"100":                     {wrote(100), 500},
		"199":                     {wrote(199), 500},
		"600":                     {wrote(600), 500},
		"99":                      {wrote(99), 500},
		"0":                       {wrote(0), 500},
		"-404":                    {wrote(-404), 500},
		"4o4":                     {wrote("4o4"), 500},
		"empty":                   {wrote(""), 500},
		"0404":                    {wrote("0404"), 500},
		"+404":                    {wrote("+404"), 500},
		"blank":                   {wrote(" 404"), 500},
		"float":                   {wrote(404.0), 500},
		"exponent":                {wrote(json.Number("4e2")), 500},
		"bool":                    {wrote(true), 500},
		"bytes":                   {wrote([]byte("404")), 500},
		"list":                    {wrote([]any{404}), 500},
		"table":                   {wrote(eip.Headers{"a": 404}), 500},
	} {
		t.Run(name, func(t *testing.T) {
			g := listen(t, nil)
			failed := make(chan error, 1)
			g.serve(t, func(ctx context.Context, m *eip.Message) error {
				err := m.Reply(ctx, tt.reply(m))
				failed <- err
				return err
			})
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header["http_status"] = []string{"404"}
			request.Header["Http_Status"] = []string{"404"}
			response, body, err := do(request)
			if err != nil || response.StatusCode != tt.status || (body == "x") != (tt.status != 500) {
				t.Errorf("answered %v %q, %v; want %d", response, body, err, tt.status)
			}
			if err := <-failed; (err != nil) != (tt.status == 500) || err != nil && (!eip.IsPermanent(err) || !strings.Contains(err.Error(), "http_status")) {
				t.Errorf("the message failed with %v", err)
			}
		})
	}
}

// An error reply says what failed, and is no answer of 200.
func TestHTTP_ErrorReply(t *testing.T) {
	for name, tt := range map[string]struct {
		code   any
		set    any // http_status
		status int
	}{
		"refused":                  {"invalid", nil, 422},
		"too late":                 {"timeout", nil, 504},
		"failed":                   {"failed", nil, 500},
		"of a service's own":       {"sold_out", nil, 500},
		"of another kind":          {int32(7), nil, 500},
		"with a status of its own": {"sold_out", 409, 409},
	} {
		t.Run(name, func(t *testing.T) {
			g := listen(t, nil)
			g.serve(t, func(ctx context.Context, m *eip.Message) error {
				reply := eip.New([]byte(nil), nil).WithHeaders(eip.Headers{"eip-error-code": tt.code, "eip-error": "no tea"})
				if tt.set != nil {
					reply = reply.WithBody([]byte("no tea")).WithHeader("http_status", tt.set)
				}
				return m.Reply(ctx, reply)
			})
			if status, body := post(t.Context(), g.url, "x"); status != tt.status || strings.TrimSpace(body) != "no tea" {
				t.Errorf("answered %d %q, want %d", status, body, tt.status)
			}
		})
	}
}
