package stomp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
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

// blame says what comes after a lost connection. A message that ends one whenever it is
// alone under way is to blame, and fails.
func (x *session) blame() (trial bool, err error) {
	s := x.sender
	why := x.conn.lost()
	var e *serverError
	said := errors.As(why, &e)
	if said && denied(e) && s.channel.Address != "" {
		return false, trouble(why)
	}
	s.mu.Lock()
	left := len(s.underWay)
	var alone *outgoing
	if left > 0 && s.sent == 1 && (x.trial || left == 1) {
		alone = s.underWay[0]
		alone.lost++
	}
	s.mu.Unlock()
	lost := fmt.Errorf("%w: %w", broker.ErrLost, why)
	switch {
	case alone != nil && (said || alone.lost >= strikes):
		x.conn.quiet.Store(true) // the message says it, and not the log for each
		if !said {
			e = &serverError{"the connection is lost whenever it is sent: " + why.Error()}
		}
		x.settle([]*outgoing{alone}, map[*outgoing]error{alone: fault(alone, e)}, false)
		return left > 1, nil
	case said:
		return left > 0, lost
	}
	return left > 0 && (x.trial || !x.progress), lost
}
