package routing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// Bounds of rules, which come from outside.
const (
	mostRuleBytes = 16 << 10 // of a message that registers one
	mostRuleID    = 200
	rulePrefix    = "r"
)

// A rule is what a recipient registers, and what the store keeps.
type rule struct {
	ID       string `json:"id"`
	To       string `json:"to"`
	If       wanted `json:"if,omitempty"`
	Priority int    `json:"priority,omitempty"`
}

// wanted is what the if of a rule says; "": there is none, which no if says.
type wanted string

// UnmarshalJSON refuses what a program may say that has lost its condition.
func (w *wanted) UnmarshalJSON(text []byte) error {
	var of *string
	switch err := json.Unmarshal(text, &of); {
	case err != nil:
		return errors.New("its \"if\" is no text")
	case of == nil || *of == "":
		return errors.New("its \"if\" is empty; leave it out where every message is wanted")
	}
	*w = wanted(*of)
	return nil
}

// routing is a rule as it is tried.
type routing struct {
	rule
	to    int // in Allow
	wants []comparison
	ends  time.Time
}

// A refusal is why a message from the control topic registers nothing.
type refusal struct{ error }

func (r *DynamicRouter) read(m *eip.Message) (rule, error) {
	body := m.Body()
	var of rule
	switch {
	case m.IsTest():
		return rule{}, refusal{errors.New("a Test Message registers nothing")}
	case len(body) > mostRuleBytes:
		return rule{}, refusal{fmt.Errorf("the message has %d bytes, and may have %d", len(body), mostRuleBytes)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields() // an "if" whose name is misspelt would be a rule that takes all
	err := d.Decode(&of)
	if err == nil && !json.Valid(body) {
		err = errors.New("something stands behind the JSON object")
	}
	if err != nil {
		return rule{}, refusal{fmt.Errorf("the message is no rule: %w", err)}
	}
	return of, nil
}

// compile checks a rule.
func (r *DynamicRouter) compile(of rule, ends time.Time) (routing, error) {
	switch {
	case of.ID == "" || len(of.ID) > mostRuleID || !utf8.ValidString(of.ID):
		return routing{}, fmt.Errorf("its \"id\" must be a text of 1 to %d bytes", mostRuleID)
	case of.To == "":
		return routing{}, errors.New("it has no \"to\"")
	}
	to, err := indexOf(of.To, r.Allow)
	if err != nil {
		return routing{}, fmt.Errorf("its \"to\": %w", err)
	}
	wants, err := parseComparisons(string(of.If))
	if err != nil {
		return routing{}, fmt.Errorf("its \"if\": %w", err)
	}
	return routing{of, to, wants, ends}, nil
}

// register has a rule hold, once it is in the store.
func (r *DynamicRouter) register(ctx context.Context, of rule) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.space == nil {
		return eip.ErrNotRunning
	}
	now := r.clock.Now()
	one, err := r.compile(of, now.Add(r.TTL.Load()))
	if err != nil {
		return refusal{err}
	}
	all := slices.DeleteFunc(r.present(), func(old routing) bool { return old.ID == of.ID })
	if most := r.MaxRules.Load(); len(all) >= most {
		return refusal{fmt.Errorf("there are %d rules already, and may be no more", most)}
	}
	text, err := json.Marshal(of)
	if err != nil {
		return refusal{err}
	}
	if err := store.Do(ctx, r.space, func(tx store.Tx) error {
		var ended []string
		for at, key := range tx.Due() {
			if at.After(now) {
				break
			}
			ended = append(ended, key)
		}
		for _, key := range ended {
			tx.Delete(key)
		}
		tx.Put(rulePrefix+of.ID, text, one.ends)
		return tx.Err()
	}); err != nil {
		return err
	}
	r.set(append(all, one))
	return nil
}

// set puts rules in the order in which they are tried.
func (r *DynamicRouter) set(all []routing) {
	slices.SortFunc(all, func(a, b routing) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	r.rules.Store(&all)
}

// recall reads the rules in the store. Those that flow files do not allow any more are
// passed over, and end there.
func (r *DynamicRouter) recall(space store.Space) error {
	var all []routing
	now := r.clock.Now()
	err := space.View(func(tx store.Reader) error {
		for ends, key := range tx.Due() {
			value, _ := tx.Get(key)
			var of rule
			if !now.Before(ends) || json.Unmarshal(value, &of) != nil {
				continue
			}
			if one, err := r.compile(of, ends); err == nil && len(all) < mostRules {
				all = append(all, one)
			}
		}
		return nil
	})
	r.set(all)
	return err
}

var _ store.Lister = (*DynamicRouter)(nil)

// Groups returns the rules that hold, in the order in which they are tried.
func (r *DynamicRouter) Groups(id string, most int) (all []store.Group, more bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.space == nil {
		return nil, false, eip.ErrNotRunning
	}
	for _, one := range r.present() {
		if id != "" && one.ID != id {
			continue
		}
		if len(all) == most {
			return all, true, nil
		}
		all = append(all, store.Group{Key: one.ID, About: one.about(), ClosesAt: one.ends, Plain: true})
	}
	return all, false, nil
}

func (r rule) about() string {
	text := r.To
	if r.If != "" {
		text += " if " + string(r.If)
	}
	if r.Priority != 0 {
		text += fmt.Sprintf(", priority %d", r.Priority)
	}
	return text
}

// Forget removes the rule of an id. Who registered it can do so again.
func (r *DynamicRouter) Forget(ctx context.Context, id string, save func([]any) error) (removed int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.space == nil {
		return 0, eip.ErrNotRunning
	}
	all := r.present()
	i := slices.IndexFunc(all, func(one routing) bool { return one.ID == id })
	if i < 0 {
		return 0, store.ErrNoGroup
	}
	if save != nil {
		if err := save([]any{all[i].rule}); err != nil {
			return 0, err
		}
	}
	if err := store.Do(ctx, r.space, func(tx store.Tx) error {
		tx.Delete(rulePrefix + id)
		return tx.Err()
	}); err != nil {
		return 0, err
	}
	r.set(slices.Delete(all, i, i+1))
	return 1, nil
}
