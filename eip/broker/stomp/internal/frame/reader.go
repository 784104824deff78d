package frame

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits are how much a reader takes.
type Limits struct {
	Line    int   // bytes of a line: a header's name and value
	Headers int   // lines of a frame
	Bytes   int   // of all lines of a frame
	Body    int64 // bytes of a body
}

// DefaultLimits are more than what servers let through.
var DefaultLimits = Limits{Line: 1 << 20, Headers: 10_000, Bytes: 4 << 20, Body: 512 << 20}

// A Reader reads frames.
type Reader struct {
	// Version is how headers are escaped. CONNECTED frames never are.
	Version string
	Limits  Limits

	in *bufio.Reader
}

// NewReader returns a Reader of STOMP 1.2 with the default limits.
func NewReader(in io.Reader) *Reader {
	return &Reader{Version: V12, Limits: DefaultLimits, in: bufio.NewReaderSize(in, 64<<10)}
}

var errLine = errors.New("a line is too long")

// Read returns the next frame. Line ends between frames, which are heart-beats, are
// skipped. An error is the connection's, or says that what came is no frame: nothing
// more can be read then. io.EOF comes between frames only.
func (r *Reader) Read() (*Frame, error) {
	command, err := r.command()
	if err != nil {
		return nil, err
	}
	f := &Frame{Command: command}
	if err := r.headers(f); err != nil {
		return nil, fmt.Errorf("read the headers of %s: %w", command, unexpected(err))
	}
	if err := r.body(f); err != nil {
		return nil, fmt.Errorf("read the body of %s: %w", command, unexpected(err))
	}
	return f, nil
}

// More reports whether a frame has begun to come. It reads, but takes nothing.
func (r *Reader) More() bool {
	for n := 1; ; n++ {
		b, err := r.in.Peek(n)
		switch {
		case err != nil: // nothing but heart-beats
			return false
		case b[n-1] != '\n' && b[n-1] != '\r':
			return true
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var commands = map[string]bool{
	"CONNECTED": true, "MESSAGE": true, "RECEIPT": true, "ERROR": true, // a server's
	"CONNECT": true, "STOMP": true, "SEND": true, "SUBSCRIBE": true, "UNSUBSCRIBE": true, "ACK": true, "NACK": true,
	"BEGIN": true, "COMMIT": true, "ABORT": true, "DISCONNECT": true, // a client's
}

func (r *Reader) command() (string, error) {
	for {
		b, err := r.in.ReadByte()
		switch {
		case err != nil:
			return "", err
		case b == '\n' || b == '\r':
			continue
		}
		if err := r.in.UnreadByte(); err != nil {
			return "", err
		}
		line, err := r.line(32)
		switch {
		case err != nil && !errors.Is(err, errLine):
			return "", fmt.Errorf("read a command: %w", unexpected(err))
		case !commands[line]:
			return "", fmt.Errorf("this is no STOMP: a frame begins with %.32q", line)
		}
		return line, nil
	}
}

// line reads up to a line end. What is longer is cut off, with an error.
func (r *Reader) line(most int) (string, error) {
	var long []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if len(long)+len(part) > most+2 {
			return string(append(long, part...)[:most]), errLine
		}
		if err == nil && long == nil {
			return strings.TrimSuffix(string(part[:len(part)-1]), "\r"), nil
		}
		long = append(long, part...)
		if err == nil {
			return strings.TrimSuffix(string(long[:len(long)-1]), "\r"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

func (r *Reader) headers(f *Frame) error {
	escaped := r.Version != V10 && f.Command != "CONNECTED" && f.Command != "CONNECT"
	for bytes := 0; ; {
		line, err := r.line(r.Limits.Line)
		switch {
		case err != nil:
			return err
		case line == "":
			return nil
		case len(f.Headers) == r.Limits.Headers:
			return fmt.Errorf("there are more than %d", r.Limits.Headers)
		}
		if bytes += len(line); bytes > r.Limits.Bytes {
			return fmt.Errorf("they have more than %d bytes", r.Limits.Bytes)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("%.40q has no colon", line)
		}
		if escaped {
			name, value = unescape(name), unescape(value)
		}
		f.Add(name, value)
	}
}

// body reads as many bytes as the frame says, and else up to a NUL.
func (r *Reader) body(f *Frame) error {
	text, ok := f.Lookup("content-length")
	if !ok {
		return r.until(f)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch {
	case err != nil || n < 0:
		return fmt.Errorf("its content-length is %.20q", text)
	case n > r.Limits.Body:
		return fmt.Errorf("it has %d bytes, and %d are taken", n, r.Limits.Body)
	}
	if f.Body, err = r.exactly(n); err != nil {
		return err
	}
	end, err := r.in.ReadByte()
	if err == nil && end != 0 {
		err = errors.New("it is longer than its content-length")
	}
	return err
}

// step is how much room is made before it is known that so much comes.
const step = 1 << 20

func (r *Reader) exactly(n int64) ([]byte, error) {
	body := make([]byte, 0, min(n, step))
	for int64(len(body)) < n {
		more := min(n-int64(len(body)), max(step, int64(len(body))))
		at := len(body)
		body = append(body, make([]byte, more)...)
		if _, err := io.ReadFull(r.in, body[at:]); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func (r *Reader) until(f *Frame) error {
	for {
		part, err := r.in.ReadSlice(0)
		if int64(len(f.Body)+len(part)) > r.Limits.Body+1 {
			return fmt.Errorf("it has more than %d bytes", r.Limits.Body)
		}
		f.Body = append(f.Body, part...)
		switch {
		case err == nil:
			f.Body = f.Body[:len(f.Body)-1]
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
