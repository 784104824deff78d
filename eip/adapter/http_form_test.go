package adapter_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
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
