package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Place is the option of a stage that says where it remembers. A flow file names a
// store, or leaves it to the default one; a Go program sets [In].
type Place struct {
	name string
	in   Store
}

// In is the place in a store.
func In(s Store) Place { return Place{in: s} }

// A Rememberer is a stage that remembers. Who runs its flow binds the place before the
// stage is opened.
type Rememberer interface{ Place() *Place }

// Name is that of the store that a flow file names; "": the default one.
func (p *Place) Name() string { return p.name }

// Refer sets the name.
func (p *Place) Refer(name string) { p.name = name }

// ReferenceKinds says what the option may name.
func (Place) ReferenceKinds() []string { return []string{"store"} }

// Bind sets the store, and Store returns it.
func (p *Place) Bind(s Store) { p.in = s }

// Store is what Bind or In has set; nil: nothing.
func (p *Place) Store() Store { return p.in }

// kindKey holds which kind of stage a space is of.
const kindKey = "\x00kind"

// isOwn tells keys that are there before the stage remembers anything.
func isOwn(key string) bool { return key == saltKey || key == kindKey }

// Space opens the space of a stage, by the stage's address and its kind. One in which a stage
// of another kind remembers is refused: what is kept there would be misread, and removed when
// it is due. One of an earlier version does not say whose it is, and is this stage's. That is
// not waited for: a disk that is full may get room by what the stage sends.
func (p *Place) Space(address, kind string) (Space, error) {
	if p.in == nil {
		return nil, errors.New("there is no store to remember in")
	}
	s, err := p.in.Space(address)
	if err != nil {
		return nil, err
	}
	of := ""
	if err := s.View(func(r Reader) error {
		value, _ := r.Get(kindKey)
		of = string(value)
		return nil
	}); err != nil {
		return nil, err
	}
	switch of {
	case kind:
		return s, nil
	case "":
		p.in.Commit(nil, []Step{{s, func(tx Tx) error {
			tx.Put(kindKey, []byte(kind), time.Time{})
			return tx.Err()
		}}}, func(int, error) {})
		return s, nil
	}
	return nil, fmt.Errorf("what is remembered for %s is of the kind %s, and the stage is of the kind %s now: give it another name", address, of, kind)
}

// Places are those of stages, wherever these stand.
func Places(stages []eip.Stage) (all []*Place) {
	for _, s := range eip.Walk(stages) {
		if r, ok := s.(Rememberer); ok {
			all = append(all, r.Place())
		}
	}
	return all
}

// Lookup parses a store's URL, and returns how such a store is opened.
func Lookup(address string) (*url.URL, Open, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, nil, fmt.Errorf("%q is no URL of a store. It begins with %s", address, strings.Join(schemes(), " or "))
	}
	open, ok := Registry.New(u.Scheme)
	if !ok {
		return nil, nil, fmt.Errorf("there is no store for %s: URLs of stores begin with %s", u.Scheme, strings.Join(schemes(), " or "))
	}
	return u, open, nil
}

func schemes() (all []string) {
	for _, name := range Registry.Names() {
		all = append(all, name+":")
	}
	return all
}

// OpenURL opens the store that a URL names.
func OpenURL(ctx context.Context, address string, c Config) (Store, error) {
	u, open, err := Lookup(address)
	if err != nil {
		return nil, err
	}
	c.URL = u
	return open(ctx, c)
}
