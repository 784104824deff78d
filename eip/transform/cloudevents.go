package transform

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/headervalue"
)

// cloudEvent is the content type of a CloudEvent in JSON.
const cloudEvent = "application/cloudevents+json"

// Attributes of our own: what a message has that a CloudEvent has no place for, as JSON, and
// which attributes we made up.
const (
	restAttribute = "eipdmessage"
	madeAttribute = "eipdmade"
)

// known are attributes that are no headers, and these names.
var known = []string{"specversion", "id", "source", "type", "time", "datacontenttype", "data", "data_base64", restAttribute, madeAttribute}

// attributeName is what an attribute may be called.
var attributeName = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// event writes m, of which e is all beside the body, as a CloudEvent.
func (w *Wrap) event(m *eip.Message, e envelope) ([]byte, error) {
	event := envelope{"specversion": "1.0", "source": w.Source}
	made := []string{"source"}
	take := func(name, attribute, otherwise string) {
		v, there := e[name]
		delete(e, name)
		switch {
		case there:
			event[attribute] = v
		case otherwise != "":
			event[attribute], made = otherwise, append(made, attribute)
		}
	}
	take("id", "id", eip.NewID())
	take("type", "type", w.Type)
	take("timestamp", "time", "")
	take("content_type", "datacontenttype", typeOf(m))
	if headers, ok := e["headers"].(map[string]any); ok {
		for name, v := range headers {
			if isAttribute(name, v) {
				event[name] = v
				delete(headers, name)
			}
		}
		if len(headers) == 0 {
			delete(e, "headers")
		}
	}
	if len(e) > 0 {
		rest, err := json.Marshal(e)
		if err != nil {
			return nil, eip.Invalid(fmt.Errorf("write CloudEvent: %w", err))
		}
		event[restAttribute] = string(rest)
	}
	event[madeAttribute] = strings.Join(made, " ")
	if m.ContentType == "" {
		m = m.With(func(m *eip.Message) { m.ContentType, _ = event["datacontenttype"].(string) })
	}
	return event.write(m, "data")
}

// typeOf is what a body is that does not say so.
func typeOf(m *eip.Message) string {
	v, err := m.Value()
	switch v.(type) {
	case []byte:
		return "application/octet-stream"
	case string:
		if content.CheckJSON(m.Body()) != nil {
			return "text/plain"
		}
	}
	if err != nil {
		return "application/octet-stream"
	}
	return "application/json"
}

// isAttribute reports whether a header can be an attribute of a CloudEvent.
func isAttribute(name string, v any) bool {
	if !attributeName.MatchString(name) || slices.Contains(known, name) {
		return false
	}
	const most = 1<<31 - 1
	switch v := v.(type) {
	case bool:
		return true
	case int:
		return v >= -most && v <= most
	case int64:
		return v >= -most && v <= most
	case string:
		return v != "" && !strings.ContainsFunc(v, unicode.IsControl)
	}
	return false
}

// An event is what is read of a CloudEvent, in whichever form.
type event struct {
	id, kind, time string
	made           []string
	headers        eip.Headers // the other attributes
}

// attribute reads one. Those that are nil are as if they were not there.
func (e *event) attribute(name string, v any) error {
	text, isText := v.(string)
	switch name {
	case "data", "data_base64", "datacontenttype", restAttribute:
		return nil
	case "specversion":
		if text != "1.0" {
			return fmt.Errorf("it is a CloudEvent of version %.20v, and not of 1.0", v)
		}
		return nil
	case "id", "source", "type", "time", madeAttribute:
		switch {
		case !isText:
			return fmt.Errorf("%s of the CloudEvent is no text", name)
		case text == "":
			return fmt.Errorf("%s of the CloudEvent is empty", name)
		}
	}
	switch name {
	case "id":
		e.id = text
	case "type":
		e.kind = text
	case "time":
		e.time = text
	case madeAttribute:
		e.made = strings.Fields(text)
	default:
		if v != nil {
			e.headers[name] = v
		}
	}
	return nil
}

// fill sets what the attributes say, but for those that Wrap made up.
func (e *event) fill(c *eip.Message) (err error) {
	isMade := func(name string) bool { return slices.Contains(e.made, name) }
	switch {
	case e.id == "" || e.kind == "" || e.headers["source"] == nil:
		return errors.New("a CloudEvent has an id, a source and a type, and this lacks one of them")
	case e.time != "":
		if c.Timestamp, err = time.Parse(time.RFC3339, e.time); err != nil {
			return errors.New("time of the CloudEvent is none")
		}
	}
	if !isMade("id") {
		c.ID = e.id
	}
	if !isMade("type") {
		c.Type = e.kind
	}
	if isMade("source") {
		delete(e.headers, "source")
	}
	add(c, e.headers)
	return nil
}

// fromEvent opens a CloudEvent in JSON.
func fromEvent(m *eip.Message, o opened) (*eip.Message, error) {
	c, e := bare(m), &event{headers: eip.Headers{}}
	for name, raw := range o {
		if name == "data" || name == "data_base64" || name == restAttribute {
			continue
		}
		v, err := content.DecodeJSON(raw)
		if err == nil {
			v, err = headervalue.FromJSON(v)
		}
		if err == nil {
			err = e.attribute(name, v)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := e.fill(c); err != nil {
		return nil, err
	}
	contentType := "application/json" // as CloudEvents have it
	if err := o.read("datacontenttype", &contentType); err != nil {
		return nil, err
	}
	var rest string
	if err := o.read(restAttribute, &rest); err != nil {
		return nil, err
	}
	if rest != "" {
		var more opened
		if json.Unmarshal([]byte(rest), &more) != nil {
			return nil, fmt.Errorf("%s is no JSON", restAttribute)
		}
		if err := more.disclose(c); err != nil {
			return nil, err
		}
	}
	c.ContentType = contentType
	c, err := o.filled(c, "data")
	if err == nil && slices.Contains(e.made, "datacontenttype") {
		c = c.With(func(c *eip.Message) { c.ContentType = "" })
	}
	return c, err
}

// prefixes are what the attributes of a binary CloudEvent begin with, as headers, in lower
// case: over HTTP, Kafka and AMQP.
var prefixes = []string{"ce-", "ce_", "cloudevents:", "cloudevents_"}

// binaryPrefix is that of a message that is a binary CloudEvent; "": it is none.
func binaryPrefix(m *eip.Message) string {
	for name := range m.Headers {
		prefix, ok := strings.CutSuffix(strings.ToLower(name), "specversion")
		if ok && slices.Contains(prefixes, prefix) {
			return prefix
		}
	}
	return ""
}

// fromHeaders opens a CloudEvent whose attributes are headers, and whose data is the body.
func fromHeaders(m *eip.Message, prefix string) (*eip.Message, error) {
	e := &event{headers: eip.Headers{}}
	var names []string
	for name, v := range m.Headers {
		if attribute, ok := strings.CutPrefix(strings.ToLower(name), prefix); ok {
			names = append(names, name)
			if err := e.attribute(attribute, v); err != nil {
				return nil, err
			}
		}
	}
	c := m.Without(names...)
	return c, e.fill(c)
}
