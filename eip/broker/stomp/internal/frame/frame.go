// Package frame reads and writes the frames of STOMP 1.0 to 1.2. What it reads is bounded
// while it is read: lines, headers and bodies.
package frame

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The versions of the protocol.
const (
	V10 = "1.0"
	V11 = "1.1"
	V12 = "1.2"
)

// A Frame is a command with headers and a body.
type Frame struct {
	Command string
	Headers []Header
	Body    []byte
}

// A Header is one line of a frame.
type Header struct{ Name, Value string }

// New makes a frame of a command and of names with their values.
func New(command string, headers ...string) *Frame {
	f := &Frame{Command: command, Headers: make([]Header, 0, len(headers)/2+4)}
	for i := 0; i+1 < len(headers); i += 2 {
		f.Add(headers[i], headers[i+1])
	}
	return f
}

// Add adds a header.
func (f *Frame) Add(name, value string) { f.Headers = append(f.Headers, Header{name, value}) }

// Lookup returns the value of the first header of a name: of several of one name the
// first counts.
func (f *Frame) Lookup(name string) (value string, ok bool) {
	for _, h := range f.Headers {
		if h.Name == name {
			return h.Value, true
		}
	}
	return "", false
}

// Get returns the value of the first header of a name; "" where there is none.
func (f *Frame) Get(name string) string {
	value, _ := f.Lookup(name)
	return value
}

// Limits are how much a reader takes.
type Limits struct {
	Line    int   // bytes of a line: a header's name and value
	Headers int   // lines of a frame
	Bytes   int   // of all lines of a frame
	Body    int64 // bytes of a body
}

// DefaultLimits are more than what servers let through.
var DefaultLimits = Limits{Line: 1 << 20, Headers: 10_000, Bytes: 4 << 20, Body: 1 << 30}

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

// unescape undoes what STOMP escapes. What it does not know stays as it is: some
// servers escape nothing.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescaper.Replace(s)
}

var (
	unescaper = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\c`, ":", `\\`, `\`)
	// escapers are by version. 1.1 knows no carriage return.
	escapers = map[string]*strings.Replacer{
		V11: strings.NewReplacer("\n", `\n`, ":", `\c`, `\`, `\\`),
		V12: strings.NewReplacer("\n", `\n`, "\r", `\r`, ":", `\c`, `\`, `\\`),
	}
)

// Append appends the frame as a client of a version writes it. Its content-length is
// written wherever there may be a body. It fails on a header that the version cannot
// carry.
func (f *Frame) Append(b []byte, version string) ([]byte, error) {
	escaper := escapers[version]
	if f.Command == "CONNECT" || f.Command == "CONNECTED" {
		escaper = nil
	}
	b = append(append(b, f.Command...), '\n')
	for _, h := range f.Headers {
		if err := carried(h, escaper != nil, version); err != nil {
			return b, err
		}
		b = append(appendEscaped(b, h.Name, escaper), ':')
		b = append(appendEscaped(b, h.Value, escaper), '\n')
	}
	if f.Command == "SEND" || f.Command == "MESSAGE" || f.Command == "ERROR" || len(f.Body) > 0 {
		b = append(strconv.AppendInt(append(b, "content-length:"...), int64(len(f.Body)), 10), '\n')
	}
	b = append(b, '\n')
	return append(append(b, f.Body...), 0), nil
}

func carried(h Header, escaped bool, version string) error {
	wrong := ""
	switch {
	case h.Name == "":
		return errors.New("a header has no name")
	case strings.ContainsRune(h.Name, 0) || strings.ContainsRune(h.Value, 0):
		wrong = "a NUL"
	case !escaped && (strings.ContainsAny(h.Name, ":\n") || strings.Contains(h.Value, "\n")):
		wrong = "a line end or a colon"
	case version != V12 && (strings.HasSuffix(h.Value, "\r")):
		wrong = "a carriage return"
	default:
		return nil
	}
	return fmt.Errorf("the header %.40q holds %s, which STOMP %s cannot carry there", h.Name, wrong, version)
}

func appendEscaped(b []byte, s string, escaper *strings.Replacer) []byte {
	if escaper == nil || !strings.ContainsAny(s, "\n\r:\\") {
		return append(b, s...)
	}
	return append(b, escaper.Replace(s)...)
}
