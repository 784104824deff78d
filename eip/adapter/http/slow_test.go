package http_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
)

// Whoever opens sockets and does not come to the point takes no place from others.
func TestHTTP_SlowClients(t *testing.T) {
	for name, begins := range map[string]string{
		"nothing at all":     "",
		"half a header":      "POST / HTTP/1.1\r\nHost: localhost\r\nX-A: ",
		"no body":            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
		"a body's first":     "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
		"all but a body's":   "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 19_999),
		"no chunk":           "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
		"half a chunk":       "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nx",
		"no last chunk":      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
		"waits for continue": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
		"half a gzip":        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08",
		"a body nobody asks": "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := listen(t, func(a *httpadapter.Adapter) { a.MaxRequests = 2 })
			g.serve(t, func(context.Context, *eip.Message) error { return nil })
			for range 300 {
				c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/"))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := io.WriteString(c, begins); err != nil {
					t.Fatal(err)
				}
			}
			for range 5 {
				if status, answer := post(t.Context(), g.url, strings.Repeat("y", 100_000)); status != 202 {
					t.Fatalf("answered %d %q", status, answer)
				}
			}
		})
	}
}

// Bodies that would fill the memory give way to one that is sent at once.
func TestHTTP_GreedyClients(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.MaxBody = 16 << 20 })
	g.serve(t, func(context.Context, *eip.Message) error { return nil })
	for range 6 { // 96 MiB, where 64 MiB are for all
		c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", 16<<20, strings.Repeat("x", 2<<20+1))
	}
	if status, answer := post(t.Context(), g.url, strings.Repeat("y", 10<<20)); status != 202 {
		t.Errorf("answered %d %q", status, answer)
	}
}

// A body arrives whole, however it is cut up, and is as long as it may be at most.
func TestHTTP_Bodies(t *testing.T) {
	got := make(chan *eip.Message, 1)
	g := listen(t, func(a *httpadapter.Adapter) { a.MaxBody = 3000 })
	g.serve(t, func(_ context.Context, m *eip.Message) error {
		got <- m
		return nil
	})
	zip := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, s)
		w.Close()
		return b.String()
	}
	deflate := func(s string) string {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		io.WriteString(w, s)
		w.Close()
		return b.String()
	}
	raw := func(s string) string { return deflate(s)[2:] }
	digits := func(n int) string { return strings.Repeat("0123456789", n/10+1)[:n] }
	type request struct {
		body, encoding string
		status         int
		want           string
		left           string // of the encoding
	}
	tests := map[string]request{
		"gzip":                   {zip(digits(2999)), "gzip", 202, digits(2999), ""},
		"GZIP":                   {zip("a"), "GZIP", 202, "a", ""},
		"x-gzip":                 {zip("a"), "x-gzip", 202, "a", ""},
		"gzip of nothing":        {zip(""), "gzip", 202, "", ""},
		"gzip, nothing at all":   {"", "gzip", 202, "", "gzip"},
		"gzip at the limit":      {zip(digits(3000)), "gzip", 202, digits(3000), ""},
		"gzip over the limit":    {zip(digits(3001)), "gzip", 413, "", ""},
		"a bomb":                 {zip(strings.Repeat("\x00", 2_900_000)), "gzip", 413, "", ""},
		"two members":            {zip("a") + zip("b"), "gzip", 202, "ab", ""},
		"no gzip":                {"plain", "gzip", 400, "", ""},
		"half a gzip":            {zip(digits(2000))[:20], "gzip", 400, "", ""},
		"gzip and more":          {zip("a") + "more", "gzip", 400, "", ""},
		"deflate":                {deflate(digits(2999)), "deflate", 202, digits(2999), ""},
		"deflate, without zlib":  {raw(digits(2999)), "deflate", 202, digits(2999), ""},
		"deflate over the limit": {deflate(digits(3001)), "deflate", 413, "", ""},
		"a bomb of deflate":      {raw(strings.Repeat("\x00", 2_900_000)), "deflate", 413, "", ""},
		"half a deflate":         {deflate(digits(2000))[:20], "deflate", 400, "", ""},
		"gzip twice":             {zip(zip("a")), "gzip, gzip", 202, "a", ""},
		"a bomb in a gzip":       {zip(zip(strings.Repeat("\x00", 2_900_000))), "gzip, gzip", 413, "", ""},
		"a bomb of gzips":        {zip(zip(strings.Repeat(zip(strings.Repeat("\x00", 1_000_000)), 20))), "gzip,deflate ,x-gzip", 400, "", ""},
		"deflate in gzip":        {zip(deflate("a")), "deflate, gzip", 202, "a", ""},
		"four codings":           {"a", "gzip, gzip, gzip, gzip", 202, "a", "gzip, gzip, gzip, gzip"},
		"another coding":         {"\x01", "br", 202, "\x01", "br"},
		"two codings":            {zip("a"), "br, gzip", 202, zip("a"), "br, gzip"},
	}
	for _, n := range []int{0, 1, 511, 512, 513, 2047, 2048, 2049, 2999, 3000} {
		tests[fmt.Sprint(n)] = request{digits(n), "", 202, digits(n), ""}
	}
	for _, n := range []int{3001, 3002, 10_000} {
		tests[fmt.Sprint(n)] = request{digits(n), "", 413, "", ""}
	}
	for name, tt := range tests {
		for _, sized := range []bool{true, false} {
			var body io.Reader = strings.NewReader(tt.body)
			if !sized {
				body = io.MultiReader(body)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url, body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			response, answer, err := do(r)
			if err != nil || response.StatusCode != tt.status {
				t.Errorf("%s, sized %v: answered %v %q, %v; want %d", name, sized, response, answer, err, tt.status)
				continue
			}
			if tt.status != 202 {
				continue
			}
			if m := <-got; string(m.Body()) != tt.want || m.Encoding != tt.left {
				t.Errorf("%s, sized %v: came as %d bytes %.40q of coding %q", name, sized, len(m.Body()), m.Body(), m.Encoding)
			}
		}
	}
}

// A body that takes too long is answered, and its connection ends.
func TestHTTP_TrickledBody(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.Timeout = 200 * time.Millisecond })
	g.serve(t, func(context.Context, *eip.Message) error { return nil })
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	go func() {
		for {
			if _, err := io.WriteString(c, "1\r\nx\r\n"); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	answer, err := io.ReadAll(c)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
		t.Errorf("answered %q, %v", answer, err)
	}
}

// Whoever does not read his answer takes no place from others either.
func TestHTTP_SlowReaders(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.MaxRequests = 2 })
	large := eip.New(make([]byte, 16<<20), nil)
	g.serve(t, func(ctx context.Context, m *eip.Message) error {
		if string(m.Body()) == "large" {
			return m.Reply(ctx, large)
		}
		return nil
	})
	for range 10 {
		c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nlarge")
		if _, err := io.ReadFull(c, make([]byte, 100)); err != nil { // it is being written
			t.Fatal(err)
		}
	}
	for range 5 {
		if status, answer := post(t.Context(), g.url, strings.Repeat("y", 100_000)); status != 202 {
			t.Fatalf("answered %d %q", status, answer)
		}
	}
	if status, answer := post(t.Context(), g.url, "large"); status != 200 || len(answer) != 16<<20 {
		t.Errorf("a reader that reads is answered %d with %d bytes", status, len(answer))
	}
}
