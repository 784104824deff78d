package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// A Line is what a LineReader cuts a stream into.
type Line struct {
	Content []byte // without the newline; the beginning only, of one that is too long
	Size    int64  // what it takes in the stream, with the newline
	Ended   bool   // by a newline
	TooLong bool
	UTF16   bool // it is no text in UTF-8, and neither is what follows
	mark    int  // how long the byte order mark is that Content begins with
}

// Body is the line without its end, which is \n or \r\n.
func (l *Line) Body(longest int) []byte {
	b := l.Content[l.mark:]
	if l.Ended && len(b) > 0 && b[len(b)-1] == '\r' && !l.TooLong {
		b = b[:len(b)-1]
	}
	return b[:min(len(b), longest)]
}

// Err is why the line is no message; nil where it is one.
func (l *Line) Err(longest int) error {
	switch {
	case l.UTF16:
		return eip.Invalid(fmt.Errorf("read message: %w", ErrUTF16))
	case !l.TooLong:
		return nil
	}
	return eip.Invalid(fmt.Errorf("read message: its body is longer than max_body, which is %v; the rest of it was skipped", eip.Bytes(longest)))
}

// utf8Mark is the byte order mark that some programs write before a text, of which it
// is no part.
const utf8Mark = "\ufeff"

// ErrUTF16 is why a stream is not cut into lines.
var ErrUTF16 = errors.New("it begins with the byte order mark of UTF-16, and lines are read in UTF-8; convert it, as by iconv -f UTF-16 -t UTF-8")

// LineReader cuts a stream into lines and keeps of each at most longest bytes. At
// the end of what it reads it may be asked again, for more may come.
type LineReader struct {
	In      io.Reader
	Longest int
	// Tee, where set, is given what was cut or has begun.
	Tee func([]byte)
	// Begun: the stream's first line was cut, or the stream begins in the middle.
	Begun bool

	buf  *readBuffer // while there is a rest
	rest []byte      // of buf: read and not cut
	part Line        // of the line that has begun: what was before rest

	utf16 bool // nothing more is cut
}

// A readBuffer is lent to readers while they have something to cut, for thousands
// of followed files may be open.
type readBuffer [64 << 10]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// NewLineReader makes a reader that keeps at most longest bytes of each line.
func NewLineReader(in io.Reader, longest int) *LineReader {
	return &LineReader{In: in, Longest: longest}
}

// Next returns the next line that ends. An error is the stream's; io.EOF leaves
// what has begun for a later call, or for Last.
func (r *LineReader) Next() (Line, error) {
	for {
		if end := bytes.IndexByte(r.rest, '\n'); end >= 0 && !r.utf16 {
			r.keep(r.rest[:end])
			r.advance(end + 1)
			r.part.Size++
			r.part.Ended = true
			return r.cut(), nil
		}
		if !r.utf16 {
			r.keep(r.rest)
		}
		r.advance(len(r.rest))
		if err := r.read(); err != nil {
			return Line{}, err
		}
	}
}

// read fills rest. What a reader gives together with an error comes first.
func (r *LineReader) read() error {
	r.buf = readBuffers.Get().(*readBuffer)
	n, err := r.In.Read(r.buf[:])
	r.rest = r.buf[:n]
	if n > 0 {
		return nil
	}
	r.advance(0)
	return err
}

// advance takes n bytes off rest.
func (r *LineReader) advance(n int) {
	if r.Tee != nil {
		r.Tee(r.rest[:n])
	}
	if r.rest = r.rest[n:]; len(r.rest) == 0 && r.buf != nil {
		readBuffers.Put(r.buf)
		r.buf, r.rest = nil, nil
	}
}

// Last returns the line that has begun and that no newline will end; false where
// there is none.
func (r *LineReader) Last() (Line, bool) {
	if r.part.Size == 0 || !r.Begun && string(r.part.Content) == utf8Mark {
		return Line{}, false
	}
	return r.cut(), true
}

// ready reports whether Next returns a line without reading.
func (r *LineReader) ready() bool { return !r.utf16 && bytes.IndexByte(r.rest, '\n') >= 0 }

// Pending is how much was read and not cut.
func (r *LineReader) Pending() int64 { return r.part.Size + int64(len(r.rest)) }

// keep adds to the line that has begun. A little more than the longest body
// is kept: a byte order mark, and the carriage return before the newline.
func (r *LineReader) keep(b []byte) {
	r.part.Size += int64(len(b))
	if room := r.Longest + 1 + len(utf8Mark) - len(r.part.Content); room > 0 {
		r.part.Content = append(r.part.Content, b[:min(len(b), room)]...)
	}
}

func (r *LineReader) cut() Line {
	l := r.part
	r.part = Line{}
	if !r.Begun {
		r.Begun = true
		r.utf16 = bytes.HasPrefix(l.Content, []byte{0xfe, 0xff}) || bytes.HasPrefix(l.Content, []byte{0xff, 0xfe})
		if l.UTF16 = r.utf16; bytes.HasPrefix(l.Content, []byte(utf8Mark)) {
			l.mark = len(utf8Mark)
		}
	}
	length := l.Size - int64(l.mark)
	if l.Ended {
		length--
		if n := len(l.Content); n > 0 && int64(n-l.mark) == length && l.Content[n-1] == '\r' {
			length--
		}
	}
	l.TooLong = length > int64(r.Longest)
	return l
}

// ReadWhole reads all of in, of which it keeps at most longest bytes. size is how
// much is expected.
func ReadWhole(in io.Reader, longest int, size int64) (Line, error) {
	limit := int64(longest) + 1
	var b bytes.Buffer
	b.Grow(int(min(size, limit)) + bytes.MinRead) // so that reading the end needs no more room
	_, err := b.ReadFrom(io.LimitReader(in, limit))
	return Line{Content: b.Bytes(), Size: int64(b.Len()), TooLong: b.Len() > longest}, err
}

var errNoLine = errors.New(`the body has line breaks and is no JSON, so it cannot be one line; give the adapter format = "whole", or transform the body`)

// AppendLine appends m's body to dst as a line. JSON with line breaks is put on
// one; a line break at the body's end is not doubled.
func AppendLine(dst []byte, m *eip.Message) ([]byte, error) {
	body := m.Body()
	if trimmed, ok := bytes.CutSuffix(body, []byte("\n")); ok {
		body = bytes.TrimSuffix(trimmed, []byte("\r"))
	}
	if bytes.IndexByte(body, '\n') < 0 {
		return append(append(dst, body...), '\n'), nil
	}
	var compact bytes.Buffer
	switch f := content.FormatOf(m.ContentType); {
	case f != content.JSON && f != content.Unstated:
		return dst, eip.Invalid(errNoLine)
	case json.Compact(&compact, body) != nil:
		return dst, eip.Invalid(errNoLine)
	}
	return append(append(dst, compact.Bytes()...), '\n'), nil
}
