package control

import (
	"context"
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
}

// leases is the command of that name.
func (s *Server) leases(*request) (any, error) {
	return Leases{s.settings.leases()}, nil
}

const learnFor = 2 * time.Second

// learn asks the other processes which leases are running, and takes them over. Who
// has no secret may be told anything by anybody, so he asks only where anybody could
// set it.
func (t *topicServer) learn() {
	if !t.trusts() {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	c, err := DialTopic(ctx, t.broker, t.topic.Address)
	if err != nil {
		t.Log.Debug("control bus: cannot ask for leases", slog.Any("error", err))
		return
	}
	defer c.Close()
	c.Secret = t.Secret
	for r, err := range c.Do(ctx, Command{Command: "leases"}, Collect{Wait: learnFor}) {
		var l Leases
		if err != nil || r.Instance == t.Instance || r.Read(&l) != nil {
			continue
		}
		for _, lease := range l.Leases {
			t.takeOver(lease)
		}
	}
}

// takeOver sets what others were told, unless this process was told otherwise.
func (s *Server) takeOver(l Lease) {
	left, of := min(time.Until(l.Until), s.MaxLease), s.settableAt(l.Address)
	if of == nil || left <= 0 || s.settings.has(key{l.Address, l.Attribute}) {
		return
	}
	if s.write("lease learned from others", slog.String("stage", l.Address), slog.String("attribute", l.Attribute), slog.Any("value", l.Value), slog.Time("until", time.Now().Add(left))) != nil {
		return
	}
	if _, _, err := s.settings.change(l.Address, of, map[string]any{l.Attribute: l.Value}, left, true); err != nil {
		s.Log.Warn("lease of others is refused here", slog.String("stage", l.Address), slog.String("attribute", l.Attribute), slog.Any("error", err))
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
