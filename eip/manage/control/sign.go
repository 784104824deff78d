package control

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// window is how far a signed command's time may be from the process' clock.
const window = 60 * time.Second

// Sign dates c and signs it with the secret.
func (c *Command) Sign(secret string) error {
	c.Time, c.Nonce = time.Now().UTC().Format(time.RFC3339Nano), eip.NewID()
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
// command, the target, the arguments, the instance, the time and the nonce, without
// blanks, the arguments' names sorted, numbers as they were sent, and no letter
// escaped that need not be.
func (c *Command) signed() ([]byte, error) {
	args := c.rawArgs
	if args == nil {
		of := c.Args
		if of == nil {
			of = map[string]any{}
		}
		var err error
		if args, err = canonical(of); err != nil {
			return nil, err
		}
	}
	version := c.V
	if version == 0 {
		version = Version
	}
	return canonical([]any{version, c.Command, c.Target, json.RawMessage(args), c.Instance, c.Time, c.Nonce})
}

func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (s *Server) verify(c *Command) error {
	if c.Signature == "" {
		return Errorf(BadSignature, "commands must be signed here, and this one is not")
	}
	given, err := hex.DecodeString(c.Signature)
	if err != nil {
		return Errorf(BadSignature, "the signature is not in hexadecimal digits")
	}
	text, err := c.signed()
	if err != nil || !hmac.Equal(given, mac(s.Secret, text)) {
		return Errorf(BadSignature, "the signature is wrong")
	}
	at, err := time.Parse(time.RFC3339Nano, c.Time)
	if err != nil {
		return Errorf(BadSignature, "\"time\" is no time like 2006-01-02T15:04:05Z")
	}
	if off := time.Since(at).Abs(); off > window {
		return Errorf(BadSignature, "the command's time is %v from this process' clock, and it may be %v", off.Round(time.Second), window)
	}
	if len(c.Nonce) < 8 || len(c.Nonce) > 128 {
		return Errorf(BadSignature, "\"nonce\" must have 8 to 128 characters")
	}
	if !s.replays.first(c.Nonce, at) {
		return Errorf(BadSignature, "the command was given before")
	}
	return nil
}

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
	if r.seen == nil {
		r.seen = map[string]time.Time{}
	}
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
