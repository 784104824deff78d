package eip_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
)

// encoded is content as it is with encodings, the first applied first.
func encoded(content string, names ...string) []byte {
	b := []byte(content)
	for _, name := range names {
		var out bytes.Buffer
		var w io.WriteCloser
		switch name {
		case "gzip":
			w = gzip.NewWriter(&out)
		case "deflate":
			w = zlib.NewWriter(&out)
		case "raw":
			w, _ = flate.NewWriter(&out, 9)
		}
		w.Write(b)
		w.Close()
		b = out.Bytes()
	}
	return b
}

// one is a source of one message.
type one struct{ m *eip.Message }

func (s *one) Receive(context.Context) (*eip.Message, error) {
	m := s.m
	if s.m = nil; m == nil {
		return nil, io.EOF
	}
	return m, nil
}

// What a body becomes is bounded by the flow's longest body, and nothing beyond it is
// made.
func TestContent_IsBounded(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	// Of what is compressed, each piece stands for itself: only one has to be made.
	const pieces = 100
	zeros := make([]byte, 1<<20)
	gzipped := bytes.Repeat(encoded(string(zeros), "gzip"), pieces)
	var piece bytes.Buffer
	w, _ := flate.NewWriter(&piece, 9)
	w.Write(zeros)
	w.Flush()
	raw := bytes.Repeat(piece.Bytes(), pieces)
	for name, tt := range map[string]struct {
		body     []byte
		encoding string
		longest  eip.Bytes
		want     string // "": refused
	}{
		"gzip":                {encoded(text, "gzip"), "gzip", 10_000, text},
		"gzip, no limit":      {encoded(text, "gzip"), "gzip", 0, text},
		"gzip over it":        {encoded(text, "gzip"), "gzip", 9_999, ""},
		"deflate":             {encoded(text, "deflate"), "deflate", 10_000, text},
		"deflate over it":     {encoded(text, "deflate"), "deflate", 9_999, ""},
		"without zlib":        {encoded(text, "raw"), "deflate", 10_000, text},
		"two in one another":  {encoded(text, "deflate", "gzip"), "deflate, gzip", 10_000, text},
		"a bomb":              {gzipped, "gzip", 1 << 20, ""},
		"a bomb, no limit":    {gzipped, "gzip", 0, ""},
		"a bomb in a gzip":    {encoded(string(gzipped), "gzip"), "gzip, gzip", 1 << 20, ""},
		"a bomb in a deflate": {encoded(string(raw), "gzip", "deflate"), "deflate, gzip, deflate", 1 << 20, ""},
		"small":               {encoded("a", "gzip"), "gzip", 1000, "a"},
		"nothing":             {encoded("", "gzip"), "gzip", 1000, ""},
		"cut off":             {encoded(text, "gzip")[:20], "gzip", 10_000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			var err error
			var before, after runtime.MemStats
			m := eip.New(tt.body, nil)
			m.Encoding = tt.encoding
			f := eip.Flow{Name: "f", Source: &one{m}, MaxBody: tt.longest, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				runtime.ReadMemStats(&before)
				got, err = m.Content()
				runtime.ReadMemStats(&after)
				return nil
			})}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			most := uint64(160 << 20)
			if tt.longest > 0 {
				most = 5 << 20
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > most {
				t.Errorf("made %d bytes", made)
			}
			switch {
			case tt.want != "" && (err != nil || string(got) != tt.want):
				t.Errorf("got %.20q, %v", got, err)
			case tt.want == "" && name != "nothing" && !eip.IsInvalid(err):
				t.Errorf("got %d bytes, %v; want an invalid message", len(got), err)
			}
		})
	}
}
