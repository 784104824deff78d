package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/internal/nearest"
	"github.com/eipd/eipd/internal/visible"
)

// Version is the protocol's.
const Version = 1

// MaxCommand is the most bytes that a command may have.
const MaxCommand = 1 << 20

// Address is the topic's, where nothing else is said; StatisticsAddress and
// AuditAddress are those of what processes publish by themselves.
const (
	Address           = "eip.control"
	StatisticsAddress = "eip.statistics"
	AuditAddress      = "eip.audit"
)

// A Command asks every process that it is meant for to do something.
type Command struct {
	V       int    `json:"v,omitempty"` // the protocol's version; 0 means 1
	Command string `json:"command"`
	// Target is the address of a flow, a stage or a channel; `*` matches any part.
	Target string `json:"target,omitempty"`
	// Args of a command that was decoded have json.Numbers.
	Args map[string]any `json:"args,omitempty"`
	// Instance is the process that is meant; `*` in it stands for any letters, and ""
	// means every one. Labels are what a process that is meant has, all of them.
	Instance string   `json:"instance,omitempty"`
	Labels   []string `json:"labels,omitempty"`
	// Time, Nonce and Signature make a signed command: see Sign.
	Time      string `json:"time,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// A Reply is what one process answers.
type Reply struct {
	V        int             `json:"v"`
	Instance string          `json:"instance"`
	Command  string          `json:"command"`
	Target   string          `json:"target,omitempty"`
	OK       bool            `json:"ok"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *Error          `json:"error,omitempty"`
	// More says that further replies to the same command follow.
	More bool `json:"more,omitempty"`
	// Signature is that of a reply to a signed command.
	Signature string `json:"signature,omitempty"`
}

// A Code says what kind of error a reply brings.
type Code string

// The codes of errors.
const (
	BadRequest     Code = "bad_request"     // it is no command
	UnknownCommand Code = "unknown_command" // there is no such command
	UnknownTarget  Code = "unknown_target"  // the process has nothing of that address
	BadArgs        Code = "bad_args"        // an argument is missing, unknown or wrong
	NotAllowed     Code = "not_allowed"     // not by this way, or not at all
	BadSignature   Code = "bad_signature"   // it is not signed as it must be
	Failed         Code = "failed"          // it was tried, and went wrong
)

// An Error is why a process did not do what it was told.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// DecodeCommand reads a command. Whatever is no command, in any way, is a
// bad_request that says why; what could be read comes with the error.
func DecodeCommand(data []byte) (*Command, error) {
	c := &Command{}
	if len(data) > MaxCommand {
		return c, Errorf(BadRequest, "a command has %d bytes at most, and this has %d", MaxCommand, len(data))
	}
	if !utf8.Valid(data) {
		return c, Errorf(BadRequest, "a command is JSON in UTF-8")
	}
	fields := map[string]json.RawMessage{}
	if err := decode(data, &fields); err != nil || fields == nil {
		return c, Errorf(BadRequest, "a command is a JSON object like {\"command\": \"status\"}")
	}
	var known []string
	for _, f := range []struct {
		name string
		to   any
		what string
	}{
		{"command", &c.Command, "a string"}, {"target", &c.Target, "a string"}, {"instance", &c.Instance, "a string"}, {"v", &c.V, "a whole number"},
		{"args", &c.Args, "an object"}, {"labels", &c.Labels, "a list of strings"}, {"time", &c.Time, "a string"}, {"nonce", &c.Nonce, "a string"}, {"signature", &c.Signature, "a string"},
	} {
		if raw, ok := fields[f.name]; ok && decode(raw, f.to) != nil {
			return c, Errorf(BadRequest, "%q must be %s", f.name, f.what)
		}
		delete(fields, f.name)
		known = append(known, f.name)
	}
	if unknown := slices.Sorted(maps.Keys(fields)); len(unknown) > 0 {
		return c, Errorf(BadRequest, "a command has no field %q%s", clip(unknown[0]), nearest.Hint(unknown[0], known))
	}
	switch {
	case c.V > Version || c.V < 0:
		return c, Errorf(BadRequest, "this process speaks version %d of the protocol, and not %d", Version, c.V)
	case c.Command == "":
		return c, Errorf(BadRequest, "\"command\" is missing")
	}
	return c, nil
}

// decode reads one JSON value and nothing after it.
func decode(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows")
	}
	return nil
}

// For reports whether a command is meant for an instance that has labels.
func (c *Command) For(instance string, labels []string) bool {
	for _, l := range c.Labels {
		if !slices.Contains(labels, l) {
			return false
		}
	}
	return c.Instance == "" || matchesPart(c.Instance, instance)
}

// ForAll reports whether every process is meant.
func (c *Command) ForAll() bool {
	return (c.Instance == "" || c.Instance == "*") && len(c.Labels) == 0
}

// Matches reports whether an address is what a target names. In each part of the
// target, between dots, `*` stands for any letters.
func Matches(target, address string) bool {
	for {
		t, targets, more := strings.Cut(target, ".")
		a, rest, left := strings.Cut(address, ".")
		if !matchesPart(t, a) || more != left {
			return false
		}
		if !more {
			return true
		}
		target, address = targets, rest
	}
}

// matchesPart reports whether a text is what a pattern says, in which `*` stands for any
// letters.
func matchesPart(pattern, text string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	if !strings.HasPrefix(text, before) {
		return false
	}
	text = text[len(before):]
	for {
		next, rest, more := strings.Cut(after, "*")
		if !more {
			return strings.HasSuffix(text, next)
		}
		i := strings.Index(text, next)
		if i < 0 {
			return false
		}
		text, after = text[i+len(next):], rest
	}
}

// clip shortens what others wrote, for messages.
func clip(s string) string { return visible.Short(s, 200) }
