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
	// MaxContent is the most that a body may become when its content encoding is undone,
	// in a flow that has no longest body.
	MaxContent   = 64 << 20
	maxEncodings = 3   // one in another
	firstRoom    = 640 // of what a body becomes; doubled it is never just MaxContent
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

// coding is one content encoding of a body, and what undoes it.
type coding struct {
	name string
	open func(io.Reader) (io.Reader, error)
}

// codings returns what undoes a content encoding, first what was applied last, down to
// the first that is not known; whole where there is none such.
func codings(encoding string) (all []coding, whole bool, err error) {
	names := strings.Split(encoding, ",")
	if len(names) > maxEncodings {
		return nil, false, Invalid(fmt.Errorf("decode body: it has %d content encodings in one another", len(names)))
	}
	for _, name := range slices.Backward(names) {
		name = strings.ToLower(strings.TrimSpace(name))
		open := encodings[name]
		if open == nil {
			return all, false, nil
		}
		all = append(all, coding{name, open})
	}
	return all, true, nil
}

// Decoders returns what undoes a content encoding, first what was applied last; nil
// where one of it is not known.
func Decoders(encoding string) (all []func(io.Reader) (io.Reader, error)) {
	known, whole, _ := codings(encoding)
	if !whole {
		return nil
	}
	for _, c := range known {
		all = append(all, c.open)
	}
	return all
}

// Content returns m's body with its content encoding undone, where that is gzip,
// deflate or one of AddEncoding's; any other is left alone, a charset too. The body
// itself stays as it is.
func (m *Message) Content() ([]byte, error) {
	content := m.Body()
	if m.Encoding == "" {
		return content, nil
	}
	known, _, err := codings(m.Encoding)
	if err != nil {
		return nil, err
	}
	longest := m.receipt.longest()
	for _, k := range known {
		r, err := k.open(bytes.NewReader(content))
		if err == nil {
			content, err = m.read(r, longest)
		}
		if c, ok := r.(interface{ Close() }); ok {
			c.Close()
		}
		switch {
		case err != nil:
			return nil, Invalid(fmt.Errorf("decode body from %s: %w", k.name, err))
		case int64(len(content)) > longest:
			return nil, Invalid(fmt.Errorf("decode body from %s: it becomes more than %v", k.name, Bytes(longest)))
		}
	}
	return content, nil
}

// read reads what a body becomes, and counts it before there is room for it. It ends
// beyond longest.
func (m *Message) read(r io.Reader, longest int64) (content []byte, err error) {
	for {
		if len(content) == cap(content) {
			room := min(max(firstRoom, 2*int64(cap(content))), longest+1)
			m.receipt.charge(room - int64(cap(content)))
			content = append(make([]byte, 0, room), content...)
		}
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		switch {
		case err == io.EOF:
			return content, nil
		case err != nil, int64(len(content)) > longest:
			return content, err
		}
	}
}
