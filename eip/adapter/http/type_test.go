package http_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// What clients call a form by default is one only where it looks like one.
func TestHTTP_Forms(t *testing.T) {
	types := make(chan string, 1)
	g := listen(t, nil)
	g.serve(t, func(_ context.Context, m *eip.Message) error {
		types <- m.ContentType
		return nil
	})
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct{ contentType, body, want string }{
		{form, `{"a":1}`, ""},
		{form + "; charset=utf-8", `[1, 2]`, ""},
		{form, `hello`, ""},
		{form, "", ""},
		{form, "=a", ""},
		{form, "\xff\xd8", ""},
		{form, "name=Ada&born=1815", form},
		{form, "q=a%20b+c", form},
		{"application/json", `{"a":1}`, "application/json"},
		{"text/plain", "a", "text/plain"},
		{"", `{"a":1}`, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", tt.contentType)
		if _, _, err := do(request); err != nil {
			t.Fatal(err)
		}
		if got := <-types; got != tt.want {
			t.Errorf("%q of type %q came as %q, want %q", tt.body, tt.contentType, got, tt.want)
		}
	}
}

// Only what HTTP knows as a coding is one; a charset is part of the type.
func TestHTTP_Encodings(t *testing.T) {
	var sent http.Header
	shop := sendTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = r.Header }))
	s := adaptertest.OpenSink(t, shop, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	var reply *eip.Message
	g := listen(t, nil)
	g.serve(t, func(ctx context.Context, m *eip.Message) error { return m.Reply(ctx, reply) })
	for _, tt := range []struct{ contentType, encoding, wantType, wantCoding string }{
		{"application/json", "", "application/json", ""},
		{"application/json", "utf-8", "application/json; charset=utf-8", ""},
		{"text/plain", "UTF8", "text/plain; charset=utf8", ""},
		{"text/plain", "iso-8859-15", "text/plain; charset=iso-8859-15", ""},
		{"text/plain; charset=latin1", "utf-8", "text/plain; charset=latin1", ""},
		{"text/plain", "us-ascii", "text/plain; charset=us-ascii", ""},
		{"application/json", "binary", "application/json", ""},
		{"application/json", "base64", "application/json", ""},
		{"application/json", "identity", "application/json", ""},
		{"application/json", "zip", "application/json", ""},
		{"application/json", "gzip", "application/json", "gzip"},
		{"application/json", "GZIP, br", "application/json", "GZIP, br"},
		{"application/json", "gzip, utf-8", "application/json", ""},
		{"application/json", "zstd", "application/json", "zstd"},
		{"application/json", "deflate", "application/json", "deflate"},
	} {
		m := eiptest.Message("x").With(func(m *eip.Message) { m.ContentType, m.Encoding = tt.contentType, tt.encoding })
		if err := adaptertest.Send(t, s, m); err != nil {
			t.Fatal(err)
		}
		reply = m
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "identity") // the client decodes nothing
		answer, _, err := do(request)
		if err != nil {
			t.Fatal(err)
		}
		for what, h := range map[string]http.Header{"request": sent, "answer": answer.Header} {
			if h.Get("Content-Type") != tt.wantType || h.Get("Content-Encoding") != tt.wantCoding {
				t.Errorf("%s, %s: the %s has type %q and coding %q", tt.contentType, tt.encoding, what, h.Get("Content-Type"), h.Get("Content-Encoding"))
			}
		}
	}
}
