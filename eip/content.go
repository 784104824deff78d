package eip

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// MaxContent is the most that a content encoding may become when it is undone.
	MaxContent   = 64 << 20
	maxEncodings = 3 // one in another
)

// encodings open what undoes them.
var encodings = map[string]func(io.Reader) (io.Reader, error){
	"gzip": gunzip, "x-gzip": gunzip, "deflate": inflate,
}

// AddEncoding makes a further content encoding known. It is for init functions.
func AddEncoding(name string, open func(io.Reader) (io.Reader, error)) { encodings[name] = open }

func gunzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

// inflate reads what HTTP calls deflate, and what some send as it.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, err := b.Peek(2); err == nil && head[0]&15 == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// Content returns m's body with its content encoding undone, where that is gzip,
// deflate or one of AddEncoding's; any other is left alone, a charset too. The body
// itself stays as it is.
func (m *Message) Content() ([]byte, error) {
	content := m.Body()
	if m.Encoding == "" {
		return content, nil
	}
	names := strings.Split(m.Encoding, ",")
	if len(names) > maxEncodings {
		return nil, Invalid(fmt.Errorf("decode body: it has %d content encodings in one another", len(names)))
	}
	for _, name := range slices.Backward(names) { // the last was applied last
		name = strings.ToLower(strings.TrimSpace(name))
		open := encodings[name]
		if open == nil {
			return content, nil
		}
		r, err := open(bytes.NewReader(content))
		if err == nil {
			content, err = io.ReadAll(io.LimitReader(r, MaxContent+1))
		}
		if c, ok := r.(interface{ Close() }); ok {
			c.Close()
		}
		switch {
		case err != nil:
			return nil, Invalid(fmt.Errorf("decode body from %s: %w", name, err))
		case len(content) > MaxContent:
			return nil, Invalid(fmt.Errorf("decode body from %s: it becomes more than %d MiB", name, MaxContent>>20))
		}
	}
	m.receipt.charge(int64(len(content)))
	return content, nil
}
