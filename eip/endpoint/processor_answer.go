package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/footprint"
	"github.com/eipd/eipd/eip/internal/headervalue"
)

// An answer is what a worker says becomes of a message.
type answer struct {
	changes
	drop    bool
	send    []outgoing
	failure error // nil: it has done its work
}

// An outgoing is a message that a worker sends.
type outgoing struct {
	changes
	to string
}

// changes are the body and headers that a worker gives a message.
type changes struct {
	body    any         // string, []byte or json.RawMessage; nil: it gives none
	headers eip.Headers // nil takes one away
}

// of returns m as changed. What a worker sets is not what the flow wrote, so it says
// neither where copies go nor what an answer's status is.
func (c *changes) of(m *eip.Message) (made *eip.Message, err error) {
	made = m
	if c.body != nil {
		if made, err = m.WithValue(c.body, ""); err != nil {
			return nil, err
		}
	}
	if len(c.headers) == 0 {
		return made, nil
	}
	var gone []string
	for name, v := range c.headers {
		if v == nil {
			gone = append(gone, name)
		}
	}
	sets := func(name string) bool { _, ok := c.headers[name]; return ok }
	return made.WithHeaders(c.headers).Without(gone...).With(func(made *eip.Message) {
		made.Status = m.Status && !sets(header.Status)
		made.Copies = m.Copies && !sets("CC") && !sets("BCC")
	}), nil
}

// readAnswer reads the line that answers the request of an identifier. An error says
// that it is no answer to that.
func readAnswer(line []byte, id int64) (*answer, error) {
	if footprint.Of(line) > footprint.Most {
		return nil, footprint.ErrMost
	}
	said, err := members(line, "id", "ok", "body", "body_base64", "headers", "drop", "send", "error", "permanent", "invalid")
	if err != nil {
		return nil, err
	}
	if got := string(said["id"]); got != strconv.FormatInt(id, 10) {
		return nil, fmt.Errorf("its id is %.40q and not %d, which was asked", got, id)
	}
	delete(said, "id")
	a := &answer{}
	if raw, ok := said["ok"]; ok && string(raw) == "true" {
		delete(said, "ok")
		return a, a.readResult(said)
	}
	if raw, ok := said["ok"]; ok && string(raw) != "false" {
		return nil, errors.New(`"ok" is neither true nor false`)
	}
	delete(said, "ok")
	if len(said) != 1 {
		return nil, errors.New(`it must have either "ok": true, and what comes of the message, or one of "error", "permanent" and "invalid"`)
	}
	for kind, mark := range map[string]func(error) error{"error": nil, "permanent": eip.Permanent, "invalid": eip.Invalid} {
		if raw, ok := said[kind]; ok {
			a.failure, err = failureOf(raw, mark)
			return a, err
		}
	}
	return nil, errors.New(`it has no "ok": true`)
}

// maxReason is how much is kept of the reason that a worker gives.
const maxReason = 1 << 10

func failureOf(raw json.RawMessage, mark func(error) error) (failure, err error) {
	text, err := text(raw)
	if err != nil {
		return nil, fmt.Errorf("the reason of the failure is %w", err)
	}
	text = strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		text = "it gives no reason"
	}
	failure = errors.New("the worker failed: " + text)
	if mark != nil {
		failure = mark(failure)
	}
	return failure, nil
}

// readResult reads what a worker that has done its work makes of the message.
func (a *answer) readResult(said map[string]json.RawMessage) (err error) {
	if err := a.changes.read(said); err != nil {
		return err
	}
	if raw, ok := said["send"]; ok {
		if a.send, err = readSend(raw); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	switch raw, ok := said["drop"]; {
	case ok && string(raw) == "true":
		a.drop = true
	case ok && string(raw) != "false":
		return errors.New(`"drop" is neither true nor false`)
	}
	for _, failed := range []string{"error", "permanent", "invalid"} {
		if _, ok := said[failed]; ok {
			return fmt.Errorf(`it has both "ok": true and %q`, failed)
		}
	}
	if a.drop && (a.body != nil || a.headers != nil) {
		return errors.New(`it has "drop": true, and changes what is dropped`)
	}
	return nil
}

// readSend reads what is sent.
func readSend(raw json.RawMessage) (all []outgoing, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, errors.New("it is no list")
	}
	for _, raw := range list {
		said, err := members(raw, "to", "body", "body_base64", "headers")
		if err != nil {
			return nil, err
		}
		var out outgoing
		if out.to, err = text(said["to"]); err != nil {
			return nil, fmt.Errorf(`"to" is %w`, err)
		}
		if err := out.changes.read(said); err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, nil
}

// read reads a body and headers.
func (c *changes) read(said map[string]json.RawMessage) (err error) {
	raw, isJSON := said["body"]
	coded, isCoded := said["body_base64"]
	switch {
	case isJSON && isCoded:
		return errors.New(`it has both "body" and "body_base64"`)
	case isJSON && raw[0] == '"':
		c.body, err = text(raw)
	case isJSON:
		c.body = raw
	case isCoded:
		var written string
		if written, err = text(coded); err == nil {
			c.body, err = base64.StdEncoding.DecodeString(written)
		}
	}
	if err != nil {
		return fmt.Errorf("the body is %w", err)
	}
	if raw, ok := said["headers"]; ok {
		if c.headers, err = readHeaders(raw); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
	}
	return nil
}

// readHeaders reads headers; those that imitate ours are dropped.
func readHeaders(raw json.RawMessage) (eip.Headers, error) {
	v, err := content.DecodeJSON(raw)
	if err != nil {
		return nil, err
	}
	named, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("they are no object")
	}
	headers := eip.Headers{}
	for name, v := range named {
		if len(name) >= 4 && strings.EqualFold(name[:4], "eip-") {
			continue
		}
		if headers[name], err = headervalue.Of(v); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

// text reads a JSON string.
func text(raw json.RawMessage) (string, error) {
	v, err := content.DecodeJSON(raw)
	if err != nil {
		return "", fmt.Errorf("no text: %w", err)
	}
	s, ok := v.(string)
	if !ok {
		return "", errors.New("no text")
	}
	return s, nil
}

// members reads an object that has none but the known members, and each once.
func members(raw []byte, known ...string) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is no UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%.100q is no JSON object", raw)
	}
	said := map[string]json.RawMessage{}
	for d.More() {
		var value json.RawMessage
		name, err := d.Token()
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			return nil, err
		}
		key := name.(string) // of a member, which Token has checked
		if _, twice := said[key]; twice || !slices.Contains(known, key) {
			return nil, fmt.Errorf("%.100q comes twice, or is no member of it", key)
		}
		said[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return said, nil
}
