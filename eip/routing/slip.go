package routing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/allow"
)

// Bounds of slips.
const (
	mostSteps     = 50
	mostSlipBytes = 32 << 10 // a frame of AMQP, with all headers, has 128 KiB
	mostSlipID    = 200      // Message IDs are AMQP short strings, of 255
)

// A slip is what travels with a message from step to step, in the header eip-slip. It goes
// forward over what is left, or, once a step has failed, back over what is done.
type slip struct {
	ID   string     `json:"id"`   // by which the Message IDs at all steps begin
	Left []slipStep `json:"left"` // the first is the step where the message is
	Done []slipStep `json:"done"` // the last is being undone, where the slip goes back
	Back bool       `json:"back,omitempty"`
}

type slipStep struct {
	To     string          `json:"to"`
	Undo   string          `json:"undo,omitempty"`
	Result json.RawMessage `json:"result,omitempty"` // for Undo
}

// signed is a slip as it travels.
type signed struct {
	Slip json.RawMessage `json:"slip"`
	MAC  string          `json:"mac"`
}

var errNotSigned = errors.New("the message's slip was not signed with this secret, or was changed")

func mac(secret string, slip []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(header.Slip + "\x00"))
	h.Write(slip)
	return h.Sum(nil)
}

// slipOf reads the slip of a message. Nothing of it is believed before its signature.
func slipOf(m *eip.Message, secret string) (s slip, err error) {
	var outer signed
	switch text, ok := m.Headers[header.Slip].(string); {
	case m.Headers[header.Slip] == nil:
		return s, errors.New("the message has no slip; a routing_slip gives it one")
	case !ok || len(text) > mostSlipBytes || json.Unmarshal([]byte(text), &outer) != nil:
		return s, errors.New("the message's slip cannot be read")
	}
	sum, err := base64.RawURLEncoding.DecodeString(outer.MAC)
	if err != nil || !hmac.Equal(sum, mac(secret, outer.Slip)) {
		return s, errNotSigned
	}
	if err := json.Unmarshal(outer.Slip, &s); err != nil {
		return s, fmt.Errorf("the message's slip cannot be read: %w", err)
	}
	if s.Back && len(s.Done) == 0 || !s.Back && len(s.Left) == 0 {
		return s, errors.New("the message's slip is at its end")
	}
	return s, nil
}

// encode makes the header of a slip.
func (s *slip) encode(secret string) (string, error) {
	text, err := content.EncodeJSON(s)
	if err != nil {
		return "", err
	}
	all := `{"slip":` + string(text) + `,"mac":"` + base64.RawURLEncoding.EncodeToString(mac(secret, text)) + `"}`
	if len(all) > mostSlipBytes {
		return "", fmt.Errorf("the slip has %d bytes, and may have %d; keep results small, such as identifiers", len(all), mostSlipBytes)
	}
	return all, nil
}

// send returns the message as it goes to the step where the slip is now, and who takes it
// there.
func (s *slip) send(m *eip.Message, secret string, allowed []eip.Target) (*eip.Message, eip.Handler, error) {
	name, number := "", len(s.Done)+1
	if !s.Back {
		name = s.Left[0].To
	} else {
		number--
		name = s.Done[number-1].Undo
	}
	i := allow.Index(allowed, name)
	if i < 0 {
		return nil, nil, notAllowed(name, allowed)
	}
	text, err := s.encode(secret)
	if err != nil {
		return nil, nil, err
	}
	return m.WithHeader(header.Slip, text).With(func(q *eip.Message) {
		q.ID = s.ID + "/" + strconv.Itoa(number)
		if s.Back {
			q.ID += "/undo"
		}
		if s.undos() != "" { // what expires is dropped, and nobody would undo what was done
			q.Expiration = 0
		}
	}), allowed[i], nil
}

// turn has a slip go back over those steps that can be undone; false: there is none.
func (s *slip) turn() bool {
	s.Back = true
	for len(s.Done) > 0 && s.Done[len(s.Done)-1].Undo == "" {
		s.Done = s.Done[:len(s.Done)-1]
	}
	return len(s.Done) > 0
}

// undoing is a message on its way back, with the result of the step that is to be undone.
func (s *slip) undoing(m *eip.Message) *eip.Message {
	result := s.Done[len(s.Done)-1].Result
	if result == nil {
		result = json.RawMessage("null")
	}
	return m.WithBody(result).WithReplier(nil).With(func(q *eip.Message) {
		q.ContentType, q.Encoding, q.ReplyTo, q.Expiration = "application/json", "", "", 0
	})
}

// undos are the channels that a slip will be at which goes back, now or later.
func (s *slip) undos() string {
	var names []string
	for i := len(s.Done) - 1; i >= 0; i-- {
		if undo := s.Done[i].Undo; undo != "" {
			names = append(names, undo)
		}
	}
	return strings.Join(names, ", ")
}

// slipID is the same whenever m comes again.
func slipID(m *eip.Message) string {
	switch {
	case m.ID == "":
		return eip.NewID()
	case len(m.ID) > mostSlipID || !utf8.ValidString(m.ID):
		sum := sha256.Sum256([]byte(m.ID))
		return hex.EncodeToString(sum[:16])
	}
	return m.ID
}
