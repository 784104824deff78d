// Package frame reads and writes the frames of STOMP 1.0 to 1.2. What it reads is bounded
// while it is read: lines, headers and bodies.
package frame

import (
	"errors"
	"fmt"
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

// Size is how many bytes the header has when it is written.
func (h Header) Size() int {
	n := len(h.Name) + len(h.Value)
	for _, c := range []string{"\n", "\r", ":", `\`} {
		n += strings.Count(h.Name, c) + strings.Count(h.Value, c)
	}
	return n
}

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

// Append appends the frame as a client of a version writes it. It fails on a header that
// the version cannot carry.
func (f *Frame) Append(b []byte, version string) ([]byte, error) {
	if err := f.Check(version); err != nil {
		return b, err
	}
	escaper := f.escaper(version)
	b = append(append(b, f.Command...), '\n')
	for _, h := range f.Headers {
		b = append(appendEscaped(b, h.Name, escaper), ':')
		b = append(appendEscaped(b, h.Value, escaper), '\n')
	}
	// The content-length is written wherever there may be a body.
	if f.Command == "SEND" || f.Command == "MESSAGE" || f.Command == "ERROR" || len(f.Body) > 0 {
		b = append(strconv.AppendInt(append(b, "content-length:"...), int64(len(f.Body)), 10), '\n')
	}
	return append(append(append(b, '\n'), f.Body...), 0), nil
}

// Check fails on a header that a version cannot carry.
func (f *Frame) Check(version string) error {
	escaped := f.escaper(version) != nil
	for _, h := range f.Headers {
		if err := carried(h, escaped, version); err != nil {
			return err
		}
	}
	return nil
}

// escaper is nil where nothing is escaped.
func (f *Frame) escaper(version string) *strings.Replacer {
	if f.Command == "CONNECT" || f.Command == "CONNECTED" {
		return nil
	}
	return escapers[version]
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
