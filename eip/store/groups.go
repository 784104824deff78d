package store

import (
	"context"
	"errors"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Group is what a stage remembers under one key, as people see it: without what is in it.
type Group struct {
	Key   string    `json:"key"`
	About string    `json:"about,omitempty"` // what is remembered under it, in a line
	Count int       `json:"count,omitempty"` // messages
	Bytes int64     `json:"bytes,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// State is that of a process, and Version how often something has happened to it; "": it
	// is none.
	State   string `json:"state,omitempty"`
	Version int    `json:"version,omitempty"`
	// Next is the number whose turn it is; nil: the group is no sequence.
	Next *int `json:"next,omitempty"`
	// ClosesAt is when it is closed, goes on or is forgotten, as things are; zero: never.
	ClosesAt time.Time `json:"closes_at,omitzero"`
	Test     bool      `json:"test,omitempty"` // of a Test Message

	// Of is a message that Key was made of; nil: it is not kept. Plain says that Key is of
	// no body and no header.
	Of    *eip.Message `json:"-"`
	Plain bool         `json:"-"`
}

// A Lister is a stage whose groups people may see and remove. Its methods return
// [eip.ErrNotRunning] while it is not open.
type Lister interface {
	// Groups returns the first groups that there are, or those of a key, where that is not
	// "", and whether there are more.
	Groups(key string, most int) (all []Group, more bool, err error)
	// Forget removes what is remembered under a key, and returns how many messages, or keys
	// without one, that were; [ErrNoGroup]: nothing is. save, unless it is nil, is given it
	// before, messages or what JSON can say, and has it on disk when it returns.
	Forget(ctx context.Context, key string, save func([]any) error) (removed int, err error)
}

// Known returns what a Lister remembers under a key, and saves it unless save is nil.
func Known(l Lister, key string, save func([]any) error) (Group, error) {
	all, _, err := l.Groups(key, 1)
	switch {
	case err != nil:
		return Group{}, err
	case len(all) == 0:
		return Group{}, ErrNoGroup
	case save != nil:
		err = save([]any{all[0]})
	}
	return all[0], err
}

// A Releaser is a Lister of which groups can be closed before their time.
type Releaser interface {
	Lister
	// Release closes the group of a key, or all where that is "", and returns how many.
	Release(ctx context.Context, key string) (released int, err error)
}

// A Mover is a Lister whose groups are processes.
type Mover interface {
	Lister
	// Move has the process of a key be in another state; ErrNoState is why there is no such.
	Move(ctx context.Context, key, to string) error
}

// ErrNoState is why a process cannot be in a state.
var ErrNoState = errors.New("there is no state")

// ErrNoGroup is why nothing can be done with a key.
var ErrNoGroup = errors.New("nothing is remembered under that key")
