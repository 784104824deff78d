package flowtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/regular"
)

// saved reads the messages of a file, a line of JSON each, as eipd tap --save and eipd dlq
// export write them. Of a dead letter, what says why it is one is left out.
func (t *Test) saved(r *flow.Reader, b *syntax.Block, name string, dead bool) (all []*sendBlock, ok bool) {
	fail := func(format string, args ...any) bool {
		return r.Fail(b.Range(), "Cannot read file", "%s: %s.", name, fmt.Sprintf(format, args...))
	}
	text, err := regular.ReadFile(t.beside(name), mostBody)
	if err != nil {
		return nil, fail("it cannot be read: %v", err)
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		read := messageIn
		if dead {
			read = letterIn
		}
		s, err := read(line)
		if err != nil {
			return nil, fail("line %d: %v", i+1, err)
		}
		if all = append(all, s); len(all) > mostSent {
			return nil, fail("it has more than %d messages", mostSent)
		}
	}
	if all == nil {
		return nil, fail("it has no message")
	}
	return all, true
}

var errCut = errors.New("its body was cut when it was saved")

// messageIn reads one.
func messageIn(line []byte) (*sendBlock, error) {
	v, err := content.DecodeJSON(line)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is no message in JSON")
	}
	s := &sendBlock{Count: 1}
	for name, to := range map[string]*string{"id": &s.ID, "correlation_id": &s.CorrelationID, "reply_to": &s.ReplyTo, "type": &s.Type, "key": &s.Key, "content_type": &s.ContentType} {
		*to, _ = m[name].(string)
	}
	s.Headers, _ = m["headers"].(map[string]any)
	s.Body = m["body"]
	shown, _ := s.Body.(map[string]any) // a tap's copy of what is no text, or too long
	size, sized := shown["size"].(int)
	if sized && len(shown) == 2 && content.FormatOf(s.ContentType) != content.JSON {
		text, encoded := shown["base64"].(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		switch {
		case encoded && err != nil:
			return nil, fmt.Errorf("its body is no base64: %w", err)
		case encoded && len(raw) < size, shown["text"] != nil:
			return nil, errCut
		case encoded:
			s.Body = raw
		}
	}
	if text, ok := s.Body.(string); ok && strings.HasPrefix(s.ContentType, "application/json") && content.CheckJSON([]byte(text)) != nil {
		body, _, err := content.Encode([]any{text})
		if err != nil {
			return nil, err
		}
		s.Body = bytes.TrimSuffix(bytes.TrimPrefix(body, []byte("[")), []byte("]")) // a text in JSON
	}
	return s, nil
}

// letterIn reads an exported dead letter, without what says why it is one.
func letterIn(line []byte) (*sendBlock, error) {
	e, err := deadletter.ReadExport(line)
	if err != nil {
		return nil, err
	}
	m, err := e.Import()
	if err != nil {
		return nil, err
	}
	m = m.Without(header.Reason, header.Error, header.Flow, header.Stage, header.Channel, header.Attempts, header.FirstFailed, header.Failed, header.After)
	s := &sendBlock{Count: 1}
	s.ID, s.CorrelationID, s.ReplyTo, s.Type, s.Key, s.ContentType = m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.Key, m.ContentType
	s.Priority, s.Expiration, s.Headers, s.Body = int(m.Priority), m.Expiration, m.Headers, m.Body()
	return s, nil
}
