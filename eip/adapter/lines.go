package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/eipd/eipd/eip"
)

// A line is what lineReader cuts a stream into.
type line struct {
	content []byte // without the newline; the beginning only, of one that is too long
	size    int64  // what it takes in the stream, with the newline
	ended   bool   // by a newline
	tooLong bool
	mark    int    // how long the byte order mark is that content begins with
	utf16   bool   // it is no text in UTF-8, and neither is what follows
	all     uint32 // of the stream's digest to the line's end
	head    uint32
}

// body is the line without its end, which is \n or \r\n.
func (l *line) body(longest int) []byte {
	b := l.content[l.mark:]
	if l.ended && len(b) > 0 && b[len(b)-1] == '\r' && !l.tooLong {
		b = b[:len(b)-1]
	}
	return b[:min(len(b), longest)]
}

// err is why the line is no message; nil where it is one.
func (l *line) err(longest int) error {
	switch {
	case l.utf16:
		return eip.Invalid(fmt.Errorf("read message: %w", errUTF16))
	case !l.tooLong:
		return nil
	}
	return eip.Invalid(fmt.Errorf("read message: its body is longer than max_body, which is %v; the rest of it was skipped", eip.Bytes(longest)))
}

// utf8Mark is the byte order mark that some programs write before a text, of which it
// is no part.
const utf8Mark = "\ufeff"

var errUTF16 = errors.New("it begins with the byte order mark of UTF-16, and lines are read in UTF-8; convert it, as by iconv -f UTF-16 -t UTF-8")

// lineReader cuts a stream into lines and keeps of each at most longest bytes. At
// the end of what it reads it may be asked again, for more may come.
type lineReader struct {
	in      io.Reader
	longest int

	buf  *readBuffer // while there is a rest
	rest []byte      // of buf: read and not cut
	part line        // of the line that has begun: what was before rest

	begun bool // the stream's first line was cut, or it begins in the middle
	utf16 bool // nothing more is cut

	digest *digest // of what was cut or has begun; nil: nobody asks
}

// A readBuffer is lent to readers while they have something to cut, for thousands
// of followed files may be open.
type readBuffer [64 << 10]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

func newLineReader(in io.Reader, longest int) *lineReader {
	return &lineReader{in: in, longest: longest}
}

// next returns the next line that ends. An error is the stream's; io.EOF leaves
// what has begun for a later call, or for last.
func (r *lineReader) next() (line, error) {
	for {
		if end := bytes.IndexByte(r.rest, '\n'); end >= 0 && !r.utf16 {
			r.keep(r.rest[:end])
			r.advance(end + 1)
			r.part.size++
			r.part.ended = true
			return r.cut(), nil
		}
		if !r.utf16 {
			r.keep(r.rest)
		}
		r.advance(len(r.rest))
		if err := r.read(); err != nil {
			return line{}, err
		}
	}
}

// read fills rest. What a reader gives together with an error comes first.
func (r *lineReader) read() error {
	r.buf = readBuffers.Get().(*readBuffer)
	n, err := r.in.Read(r.buf[:])
	r.rest = r.buf[:n]
	if n > 0 {
		return nil
	}
	r.advance(0)
	return err
}

// advance takes n bytes off rest.
func (r *lineReader) advance(n int) {
	if r.digest != nil {
		r.digest.add(r.rest[:n])
	}
	if r.rest = r.rest[n:]; len(r.rest) == 0 && r.buf != nil {
		readBuffers.Put(r.buf)
		r.buf, r.rest = nil, nil
	}
}

// last returns the line that has begun and that no newline will end; false where
// there is none.
func (r *lineReader) last() (line, bool) {
	if r.part.size == 0 || !r.begun && string(r.part.content) == utf8Mark {
		return line{}, false
	}
	return r.cut(), true
}

// ready reports whether next returns a line without reading.
func (r *lineReader) ready() bool { return !r.utf16 && bytes.IndexByte(r.rest, '\n') >= 0 }

// pending is how much was read and not cut.
func (r *lineReader) pending() int64 { return r.part.size + int64(len(r.rest)) }

// keep adds to the line that has begun. A little more than the longest body
// is kept: a byte order mark, and the carriage return before the newline.
func (r *lineReader) keep(b []byte) {
	r.part.size += int64(len(b))
	if room := r.longest + 1 + len(utf8Mark) - len(r.part.content); room > 0 {
		r.part.content = append(r.part.content, b[:min(len(b), room)]...)
	}
}

func (r *lineReader) cut() line {
	l := r.part
	r.part = line{}
	if r.digest != nil {
		l.all, l.head = r.digest.all, r.digest.head
	}
	if !r.begun {
		r.begun = true
		r.utf16 = bytes.HasPrefix(l.content, []byte{0xfe, 0xff}) || bytes.HasPrefix(l.content, []byte{0xff, 0xfe})
		if l.utf16 = r.utf16; bytes.HasPrefix(l.content, []byte(utf8Mark)) {
			l.mark = len(utf8Mark)
		}
	}
	length := l.size - int64(l.mark)
	if l.ended {
		length--
		if n := len(l.content); n > 0 && int64(n-l.mark) == length && l.content[n-1] == '\r' {
			length--
		}
	}
	l.tooLong = length > int64(r.longest)
	return l
}

// readWhole reads all of in, of which it keeps at most longest bytes. size is how
// much is expected.
func readWhole(in io.Reader, longest int, size int64) (line, error) {
	limit := int64(longest) + 1
	var b bytes.Buffer
	b.Grow(int(min(size, limit)) + bytes.MinRead) // so that reading the end needs no more room
	_, err := b.ReadFrom(io.LimitReader(in, limit))
	return line{content: b.Bytes(), size: int64(b.Len()), tooLong: b.Len() > longest}, err
}

var errNoLine = errors.New(`the body has line breaks and is no JSON, so it cannot be one line; give the adapter format = "whole", or transform the body`)

// appendLine appends m's body to dst as a line. JSON with line breaks is put on
// one; a line break at the body's end is not doubled.
func appendLine(dst []byte, m *eip.Message) ([]byte, error) {
	body := m.Body()
	if trimmed, ok := bytes.CutSuffix(body, []byte("\n")); ok {
		body = bytes.TrimSuffix(trimmed, []byte("\r"))
	}
	if bytes.IndexByte(body, '\n') < 0 {
		return append(append(dst, body...), '\n'), nil
	}
	var compact bytes.Buffer
	switch f := eip.FormatOf(m.ContentType); {
	case f != eip.FormatJSON && f != eip.FormatUnstated:
		return dst, eip.Invalid(errNoLine)
	case json.Compact(&compact, body) != nil:
		return dst, eip.Invalid(errNoLine)
	}
	return append(append(dst, compact.Bytes()...), '\n'), nil
}
