package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// How far a signed command's time may be behind and ahead of the process' clock. A
// command from the future would be new to a process that starts meanwhile.
const (
	window = 60 * time.Second
	ahead  = 2 * time.Second
)

// Sign dates c and signs it with the secret.
func (c *Command) Sign(secret string) error { return c.sign(secret, time.Now()) }

func (c *Command) sign(secret string, at time.Time) error {
	c.Time, c.Nonce = at.UTC().Format(time.RFC3339Nano), eip.NewID()
	text, err := c.signed()
	if err != nil {
		return err
	}
	c.Signature = hex.EncodeToString(mac(secret, text))
	return nil
}

func mac(secret string, text []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(text)
	return h.Sum(nil)
}

// signed is what a signature is made of: the JSON array of the version, the
// command, the target, the arguments, the instance, the time, the nonce, and the labels
// where there are any, without blanks, the arguments' names sorted, numbers as they were sent, and no letter
// escaped that need not be.
func (c *Command) signed() ([]byte, error) {
	args := c.Args
	if args == nil {
		args = map[string]any{}
	}
	version := c.V
	if version == 0 {
		version = Version
	}
	all := []any{version, c.Command, c.Target, args, c.Instance, c.Time, c.Nonce}
	if len(c.Labels) > 0 {
		all = append(all, c.Labels)
	}
	return content.Marshal(all)
}

// signed is of a reply to the command that had the nonce, in the same way: the
// version, the nonce, the instance, the command, the target, whether it was done,
// the result, the error and whether more follows.
func (r *Reply) signed(nonce string) ([]byte, error) {
	var result any
	if r.Result != nil {
		if err := decode(r.Result, &result); err != nil {
			return nil, err
		}
	}
	failed := map[string]any{}
	if r.Error != nil {
		failed["code"], failed["message"] = r.Error.Code, r.Error.Message
	}
	return content.Marshal([]any{r.V, nonce, r.Instance, r.Command, r.Target, r.OK, result, failed, r.More})
}

// sign signs r as it will be read.
func (r *Reply) sign(secret, nonce string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var read Reply
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	text, err := read.signed(nonce)
	if err != nil {
		return err
	}
	r.Signature = hex.EncodeToString(mac(secret, text))
	return nil
}

// genuine reports whether who answers the command that had the nonce knows the
// secret.
func (r *Reply) genuine(secret, nonce string) bool {
	given, err := hex.DecodeString(r.Signature)
	if err != nil || len(given) == 0 {
		return false
	}
	text, err := r.signed(nonce)
	return err == nil && hmac.Equal(given, mac(secret, text))
}

// verify looks first at what costs least: anybody may send anything.
func (s *Server) verify(c *Command) error {
	if c.Signature == "" {
		return Errorf(BadSignature, "commands must be signed here, and this one is not")
	}
	given, err := hex.DecodeString(c.Signature)
	if err != nil {
		return Errorf(BadSignature, "the signature is not in hexadecimal digits")
	}
	at, err := time.Parse(time.RFC3339Nano, c.Time)
	if err != nil {
		return Errorf(BadSignature, "\"time\" is no time like 2006-01-02T15:04:05Z")
	}
	if len(c.Nonce) < 8 || len(c.Nonce) > 128 {
		return Errorf(BadSignature, "\"nonce\" must have 8 to 128 characters")
	}
	switch now := time.Now(); {
	case at.Before(now.Add(-window)):
		return Errorf(BadSignature, "the command is %v old by this process' clock, and it may be %v", now.Sub(at).Round(time.Second), window)
	case at.After(now.Add(ahead)):
		return Errorf(BadSignature, "the command's time is %v ahead of this process' clock, and it may be %v", at.Sub(now).Round(time.Millisecond), ahead)
	case at.Before(s.started): // another may have carried it out
		return Errorf(BadSignature, "the command is older than this process; give it again")
	}
	text, err := c.signed()
	if err != nil || !hmac.Equal(given, mac(s.Secret, text)) {
		return Errorf(BadSignature, "the signature is wrong")
	}
	if !s.replays.first(c.Nonce, at) {
		return errRepeated
	}
	return nil
}

var errRepeated = Errorf(BadSignature, "the command was given before")

// replays knows the nonces that were used within the window.
type replays struct {
	mu    sync.Mutex
	seen  map[string]time.Time // until when it is remembered
	swept time.Time
}

// mostNonces bounds what is remembered; beyond it commands are refused. Only who
// knows the secret gets so far.
const mostNonces = 200_000

func (r *replays) first(nonce string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.swept) > window {
		r.swept = now
		for n, until := range r.seen {
			if now.After(until) {
				delete(r.seen, n)
			}
		}
	}
	if _, seen := r.seen[nonce]; seen || len(r.seen) >= mostNonces {
		return false
	}
	r.seen[nonce] = at.Add(window + time.Second)
	return true
}
