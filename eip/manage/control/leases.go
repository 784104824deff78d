package control

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// A Lease is an attribute that every instance was told to have for a time.
type Lease struct {
	Address   string    `json:"address"`
	Attribute string    `json:"attribute"`
	Value     any       `json:"value"`
	Until     time.Time `json:"until"`
}

// Leases is the result of the command leases, by which a process that joins learns
// what the others were told before.
type Leases struct {
	Leases []Lease `json:"leases"`
	// Signature is that of the JSON array of the asking command's nonce and the
	// leases, where commands are signed.
	Signature string `json:"signature,omitempty"`
}

// leases is the command of that name.
func (s *Server) leases(r *request) (any, error) {
	if err := errors.Join(r.none(), r.only()); err != nil {
		return nil, err
	}
	l := Leases{Leases: s.settings.leases()}
	if s.Secret != "" {
		text, err := canonical([]any{r.Nonce, l.Leases})
		if err != nil {
			return nil, err
		}
		l.Signature = hex.EncodeToString(mac(s.Secret, text))
	}
	return l, nil
}

const learnFor = 2 * time.Second

// learn asks the other processes which leases are running, and takes them over.
func (t *topicServer) learn() {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	c, err := DialTopic(ctx, t.broker, t.topic.Address)
	if err != nil {
		t.Log.Debug("control bus: cannot ask for leases", slog.Any("error", err))
		return
	}
	defer c.Close()
	ask := Command{Command: "leases"}
	if t.Secret != "" {
		if ask.Sign(t.Secret) != nil {
			return
		}
	}
	for r, err := range c.Do(ctx, ask, Collect{Wait: learnFor}) {
		var l Leases
		if err != nil || r.Instance == t.Instance || r.Read(&l) != nil {
			continue
		}
		if t.Secret != "" && !t.signedLeases(ask.Nonce, l) {
			continue
		}
		for _, lease := range l.Leases {
			t.takeOver(lease)
		}
	}
}

func (s *Server) signedLeases(nonce string, l Leases) bool {
	given, err := hex.DecodeString(l.Signature)
	if err != nil {
		return false
	}
	text, err := canonical([]any{nonce, l.Leases})
	return err == nil && hmac.Equal(given, mac(s.Secret, text))
}

// takeOver sets what others were told, unless this process was told otherwise.
func (s *Server) takeOver(l Lease) {
	left, of := time.Until(l.Until), s.settableAt(l.Address)
	if of == nil || left <= 0 || s.settings.has(key{l.Address, l.Attribute}) {
		return
	}
	if _, _, err := s.settings.change(l.Address, of, map[string]any{l.Attribute: plain(l.Value)}, left, true); err == nil {
		s.Log.Info("lease learned from others", slog.String("stage", l.Address), slog.String("attribute", l.Attribute), slog.Any("value", l.Value), slog.Time("until", l.Until))
	}
}

func (s *settings) has(k key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set[k] != nil
}

// leases returns those that every instance was told.
func (s *settings) leases() []Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Lease{}
	for k, e := range s.set {
		if e.timer != nil && e.shared {
			all = append(all, Lease{k.address, k.attribute, e.stage.Settable()[k.attribute], e.until.UTC()})
		}
	}
	slices.SortFunc(all, func(a, b Lease) int { return strings.Compare(a.Address+" "+a.Attribute, b.Address+" "+b.Attribute) })
	return all
}
