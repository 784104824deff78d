package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/eip/store"
)

// stores are those that are open by themselves, by their URLs.
type stores struct {
	mu   sync.Mutex
	open map[string]store.Store
}

// rememberer is an embedded broker, or the file of positions: in both stages remember too.
type rememberer interface{ State() store.Store }

// bindPlaces says to the flow's stages where they remember.
func (r *flowRun) bindPlaces(ctx context.Context) error {
	var all []store.Store
	for _, p := range store.Places(r.decl.Stages()) {
		s, err := r.store(ctx, r.config.StoreOf(p))
		if err != nil {
			return fmt.Errorf("flow %s: %w", r.decl.Name, err)
		}
		all = append(all, s)
		for _, m := range r.config.Moved {
			if flow, _, _ := strings.Cut(m.To, "."); flow != r.decl.Name {
				continue
			}
			if err := s.Rename(m.From, m.To); err != nil {
				return fmt.Errorf("flow %s: %w. Take the block moved away, or what one of them remembers", r.decl.Name, err)
			}
		}
		p.Bind(s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stores = all
	return nil
}

// store opens a store. An embedded one is the file of the embedded broker of the same
// directory, so that what is taken, remembered and sent is one transaction.
func (r *flowRun) store(ctx context.Context, s *flow.Store) (store.Store, error) {
	for _, b := range r.config.Brokers {
		if b.URL != s.URL || !b.Inside() {
			continue
		}
		open, err := r.unit.broker(ctx, r, b)
		if err != nil {
			return nil, err
		}
		if k, ok := open.(rememberer); ok {
			return k.State(), nil
		}
	}
	h := r.unit.host
	if s.URL == "embedded:" {
		p, err := h.positions.open()
		if err != nil {
			return nil, err
		}
		if k, ok := p.(rememberer); ok {
			return k.State(), nil
		}
	}
	h.stores.mu.Lock()
	defer h.stores.mu.Unlock()
	if open := h.stores.open[s.URL]; open != nil {
		return open, nil
	}
	open, err := store.OpenURL(ctx, s.URL, store.Config{DataDir: h.options.DataDir, Log: h.log.With(slog.String("store", s.Name))})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", s.Name, err)
	}
	if h.stores.open == nil {
		h.stores.open = map[string]store.Store{}
	}
	h.stores.open[s.URL] = open
	return open, nil
}

// JobStore is the file of the data directory in which stages remember too: that of the
// embedded broker, where this is the default one.
func (h *Host) JobStore(context.Context) (store.Store, error) {
	if h.options.DataDir == "" {
		return nil, errors.New("the process has no data directory")
	}
	p, err := h.positions.open()
	if err != nil {
		return nil, err
	}
	k, ok := p.(rememberer)
	if !ok {
		return nil, errors.New("the store of positions keeps nothing else")
	}
	return k.State(), nil
}

// Stores returns the stores in which stages of the flows remember.
func (h *Host) Stores() (all []control.Store) {
	for _, r := range h.flows() {
		for _, p := range store.Places(r.decl.Stages()) {
			s := r.config.StoreOf(p)
			one := control.Store{Name: cmp.Or(s.Name, "default"), URL: h.secrets.Hide(s.URL)}
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	slices.SortFunc(all, func(a, b control.Store) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// tellForgotten says what is remembered for stages that no flow file has.
func (h *Host) tellForgotten(c *flow.Config) {
	known, used := map[string]bool{deadletter.Space: true}, map[store.Store]bool{}
	for _, f := range c.Flows {
		for n := range eip.Walk(f.Stages()) {
			if n != nil {
				known[n.Address] = true
			}
		}
	}
	for _, r := range h.flows() {
		for _, p := range store.Places(r.decl.Stages()) {
			if s := p.Store(); s != nil {
				used[s] = true
			}
		}
	}
	for s := range used {
		names, err := s.Spaces()
		if err != nil {
			h.log.Warn("it is not known for which stages something is remembered", slog.Any("error", err))
		}
		for _, name := range names {
			if !known[name] {
				h.log.Warn("something is remembered for a stage that no flow file has; a block moved gives it to another one", slog.String("stage", name))
			}
		}
	}
}

func (s *stores) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.open {
		err = errors.Join(err, open.Close())
	}
	s.open = nil
	return err
}
