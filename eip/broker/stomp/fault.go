package stomp

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

const mostSaid = 300 // bytes that are told of what a server says

// refusal is what an ERROR frame says.
func refusal(f *frame.Frame) error {
	message := f.Get("message")
	text := strings.TrimSpace(message[:min(len(message), mostSaid)])
	more, _, _ := strings.Cut(strings.TrimSpace(string(f.Body[:min(len(f.Body), mostSaid)])), "\n")
	switch more = strings.TrimSpace(more); {
	case strings.Contains(text, more): // ActiveMQ says it twice
	case text == "" || strings.Contains(more, text):
		text = more
	default:
		text += ": " + more
	}
	if text == "" {
		text = "the server sends an ERROR without a word"
	}
	return &serverError{text}
}

// serverError is an ERROR frame.
type serverError struct{ text string }

func (e *serverError) Error() string { return e.text }

var (
	gone  = regexp.MustCompile(`(?i)does not exist|deleted destination|no such destination|unknown destination`)
	large = regexp.MustCompile(`(?i)too (large|long)|larger than|maximum (frame|header|data|number of headers)`)
)

// fault is a message's own failure, as the server tells it.
func fault(o *outgoing, e *serverError) error {
	err := fmt.Errorf("send: the server says: %s", strings.TrimSpace(e.text))
	switch {
	case o.to != "" && gone.MatchString(e.text):
		return eip.Gone(err)
	case o.to != "" && denied(e), large.MatchString(e.text):
		return eip.Permanent(err)
	}
	return err
}
