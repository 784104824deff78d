package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// inject is the command of that name.
func (s *Server) inject(r *request) (any, error) {
	test, wait := r.flag("test"), r.duration("timeout", s.Timeout)
	if r.wrong != nil {
		return nil, r.wrong
	}
	if wait == 0 {
		wait = min(10*time.Second, s.Timeout)
	}
	if r.Target == "" {
		return nil, Errorf(BadArgs, "inject needs a channel or a flow as its target, like queue.orders")
	}
	entrances, err := find("channel or flow", r.Target, same, s.entrances(), func(e entrance) string { return e.address })
	if err != nil {
		return nil, err
	}
	leave, err := s.enter(r.Target)
	if err != nil {
		return nil, err
	}
	settled := make(chan error, 1)
	m, err := r.message(s.Clock.Now(), func(err error) {
		leave()
		settled <- err
	})
	if err != nil {
		leave()
		return nil, err
	}
	put := func(m *eip.Message) {
		go func() { // it may have to wait for another message, or for the broker
			ctx, cancel := s.Clock.WithTimeout(s.ctx, wait)
			defer cancel()
			entrances[0].put(ctx, m)
		}()
	}
	if test {
		return s.probe(r, m, put, settled, wait)
	}
	put(m)
	late, timer := s.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-settled:
		if err != nil {
			return nil, Errorf(Failed, "the message was not taken: %v", err)
		}
		return Injected{ID: m.ID}, nil
	case <-late:
		return nil, Errorf(Failed, "the message %s is still under way after %v", m.ID, wait)
	case <-r.ctx.Done():
		return nil, s.over(r)
	}
}

// over is why a command whose context has ended is not done.
func (s *Server) over(r *request) error {
	if s.ctx.Err() != nil {
		return Errorf(Failed, "the process stops")
	}
	return Errorf(Failed, "%s did not come to an end within %v", r.Command.Command, s.Timeout)
}

// mostInside is how many messages that commands have put into a flow or a channel may
// be under way there: one that hangs must not fill the memory.
const mostInside = 100

// enter notes that one more message is under way in a flow or a channel, until leave
// is called.
func (s *Server) enter(target string) (leave func(), err error) {
	if leave = s.inside.take(target, 100*mostInside, mostInside); leave == nil {
		return nil, Errorf(Failed, "%d messages that commands have put into %s are under way there", mostInside, target)
	}
	return leave, nil
}

// Injected is the result of inject.
type Injected struct {
	ID string `json:"id"` // the Message ID
	// Of a Test Message, where it came to its end.
	Test *Report `json:"test,omitempty"`
}

// An entrance is where messages can be put in: a flow, or a channel. What it is given
// settles.
type entrance struct {
	address string
	put     func(context.Context, *eip.Message)
}

func (s *Server) entrances() (all []entrance) {
	for _, f := range s.Process.Flows() {
		all = append(all, entrance{f.Name(), func(_ context.Context, m *eip.Message) { _ = f.Inject(m) }}) // m settles with the error, if there is one
	}
	for _, c := range s.Process.Channels() {
		if c.Unused {
			continue
		}
		all = append(all, entrance{c.Name, func(ctx context.Context, m *eip.Message) {
			eip.Deliver(ctx, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				return s.Process.Inject(ctx, c.Name, m)
			}), m)
		}})
	}
	return all
}

// message makes the message of the arguments.
func (r *request) message(at time.Time, settled func(error)) (*eip.Message, error) {
	body, contentType, err := r.body()
	if err != nil {
		return nil, err
	}
	contentType = cmp.Or(r.text("content_type"), contentType)
	correlation, key := r.text("correlation_id"), r.text("key")
	headers, ok := r.Args["headers"].(map[string]any)
	if !ok && r.Args["headers"] != nil {
		r.refuse("\"headers\" must be an object")
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	own := eip.Headers{}
	for name, v := range headers {
		if len(name) > 255 {
			return nil, Errorf(BadArgs, "the header %q has a name of more than 255 bytes", clip(name))
		}
		v, err := plain(v)
		if err != nil {
			return nil, err
		}
		own[name] = headerValue(v)
	}
	return eip.New(body, settled).With(func(m *eip.Message) {
		m.ID, m.Timestamp, m.ContentType = eip.NewID(), at, contentType
		m.CorrelationID, m.Key = correlation, key
		if own = own.FromOutside(); len(own) > 0 {
			m.Headers = own
		}
	}), nil
}

// body is text as it is, and anything else as JSON.
func (r *request) body() ([]byte, string, error) {
	switch b := r.Args["body"].(type) {
	case nil:
		return nil, "", nil
	case string:
		return []byte(b), "", nil
	default:
		body, err := content.Marshal(b)
		if err != nil {
			return nil, "", errors.New("encode body: " + err.Error())
		}
		return body, "application/json", nil
	}
}

func headerValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		h := eip.Headers{}
		for name, e := range v {
			h[name] = headerValue(e)
		}
		return h
	case []any:
		for i, e := range v {
			v[i] = headerValue(e)
		}
	}
	return v
}

// shownBody is a body for people and programs: JSON as such, else text, else in
// base64. What is long is cut.
func shownBody(body []byte) any {
	const most = 64 << 10
	if len(body) <= most && json.Valid(body) {
		return json.RawMessage(body)
	}
	text := string(body[:min(len(body), most)])
	for cut := 0; cut < utf8.UTFMax && len(body) > most && !utf8.ValidString(text); cut++ { // within a letter
		text = text[:len(text)-1]
	}
	switch {
	case !utf8.ValidString(text):
		return map[string]any{"base64": []byte(text), "size": len(body)}
	case len(body) > most:
		return map[string]any{"text": text, "size": len(body)}
	}
	return text
}
