package control

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// Bounds of groups.
const (
	groupsShown    = 100
	mostGroups     = 1000
	mostGroupBytes = 256 << 10 // of keys in one answer
)

// Groups is the result of groups: what a stage remembers.
type Groups struct {
	Groups []store.Group `json:"groups"`
	More   bool          `json:"more,omitempty"` // there are others
}

// Released is the result of release.
type Released struct {
	Released int `json:"released"`
}

// Forgotten is the result of forget.
type Forgotten struct {
	Removed int    `json:"removed"`         // messages, or keys without one
	Saved   string `json:"saved,omitempty"` // the file, in the process' data directory
}

// groups is the command of that name.
func (s *Server) groups(r *request) (any, error) {
	key, limit := r.key(), r.upTo("limit", mostGroups, groupsShown)
	of, err := remembering[store.Lister](s, r, "remembers nothing under keys")
	if err != nil {
		return nil, err
	}
	found, more, err := of.Groups(key, limit)
	if err != nil {
		return nil, groupError(r, err)
	}
	result, size := Groups{[]store.Group{}, more}, 0
	for _, g := range found {
		if size += len(g.Key); size > mostGroupBytes {
			result.More = true
			break
		}
		g.Key, g.About = s.Hide(s.redact.key(g)), s.Hide(g.About)
		result.Groups = append(result.Groups, g)
	}
	if key != "" && len(found) == 0 {
		return nil, groupError(r, store.ErrNoGroup)
	}
	return result, nil
}

// key is what may be seen of a group's key: not what is redacted in the message that it
// was made of, and nothing where that message is not there any more.
func (r *redaction) key(g store.Group) string {
	switch {
	case g.Plain || r.none():
		return g.Key
	case g.Of == nil:
		return redacted
	}
	return r.scrub(g.Of, g.Key)
}

// release is the command of that name: it closes groups before their time.
func (s *Server) release(r *request) (any, error) {
	key, all := r.key(), r.flag("all")
	if r.wrong == nil && (key == "") != all {
		r.refuse("release needs either a key, or all = true")
	}
	of, err := remembering[store.Releaser](s, r, "has nothing that could be released")
	if err != nil {
		return nil, err
	}
	n, err := of.Release(r.ctx, key)
	if err != nil {
		return nil, groupError(r, err)
	}
	return Released{n}, nil
}

// forgetGroup is the command forget: it removes what a stage remembers under a key. What
// is saved is on disk before it is removed.
func (s *Server) forgetGroup(r *request) (any, error) {
	key, confirm, save := r.key(), r.text("confirm"), r.flag("save")
	if key == "" {
		r.refuse("forget needs a key")
	}
	of, err := remembering[store.Lister](s, r, "remembers nothing under keys")
	switch {
	case err != nil:
		return nil, err
	case confirm != r.Target:
		return nil, Errorf(BadArgs, "forget removes for good what is remembered; confirm it by confirm = %q", r.Target)
	case save && s.DataDir == "":
		return nil, Errorf(NotAllowed, "this process has no folder to save messages in")
	}
	file := &saveFile{}
	var saves func([]any) error
	if save {
		saves = func(all []any) error { return file.saveAll(filepath.Join(s.DataDir, "forgotten"), r.Target, all) }
	}
	removed, err := of.Forget(r.ctx, key, saves)
	if err = errors.Join(err, file.close()); err != nil {
		return nil, groupError(r, err)
	}
	return Forgotten{removed, file.path}, nil
}

// Moved is the result of move.
type Moved struct {
	State string `json:"state"` // that the process was moved to
}

// move is the command of that name: it has a process be in another state.
func (s *Server) move(r *request) (any, error) {
	key, to, confirm := r.key(), r.text("to"), r.text("confirm")
	if r.wrong == nil && (key == "" || to == "") {
		r.refuse("move needs a key, and to, the state that its process is to be in")
	}
	of, err := remembering[store.Mover](s, r, "leads no processes")
	switch {
	case err != nil:
		return nil, err
	case confirm != r.Target:
		return nil, Errorf(BadArgs, "move changes what a process does next; confirm it by confirm = %q", r.Target)
	}
	if err := of.Move(r.ctx, key, to); err != nil {
		return nil, groupError(r, err)
	}
	return Moved{to}, nil
}

// ofGroups reports whether a command is about what stages remember.
func ofGroups(command string) bool {
	return command == "groups" || command == "release" || command == "forget" || command == "move"
}

// key reads the argument of that name: a text, or what is the same as JSON.
func (r *request) key() string {
	switch v := r.Args["key"].(type) {
	case nil, string:
		return r.text("key")
	default:
		text, err := json.Marshal(v)
		if err != nil {
			r.refuse("\"key\" must be a text")
		}
		return string(text)
	}
}

// remembering finds the target, which must be a stage of a kind.
func remembering[T any](s *Server, r *request, otherwise string) (of T, err error) {
	if r.wrong != nil {
		return of, r.wrong
	}
	if r.Target == "" {
		return of, Errorf(BadArgs, "%s needs a stage as its target, like orders.aggregator", r.Command.Command)
	}
	found, err := find("stage", r.Target, same, s.stages(), func(st Stage) string { return st.Address })
	if err != nil {
		return of, err
	}
	of, ok := found[0].Named.Stage.(T)
	if !ok {
		return of, Errorf(BadArgs, "%s, of the kind %s, %s", r.Target, found[0].Kind, otherwise)
	}
	return of, nil
}

// groupError says what is wrong, without the key, which may be confidential.
func groupError(r *request, err error) error {
	switch {
	case errors.Is(err, store.ErrNoGroup):
		return Errorf(UnknownTarget, "of %s, %v", r.Target, err)
	case errors.Is(err, store.ErrNoState):
		return Errorf(BadArgs, "of %s: %v", r.Target, err)
	case errors.Is(err, eip.ErrNotRunning):
		return Errorf(Failed, "%s is not open: its flow does not run", r.Target)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Errorf(Failed, "%s was not done in time: it may be done in part", r.Command.Command)
	}
	return err
}
