package control

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/deadletter"
)

// Bounds of what changes letters.
const (
	unconfirmed    = 100 // letters that are discarded without their number being given
	mostChanges    = 100 // paths of an edit
	mostReason     = 1000
	archivedShown  = 50
	mostArchived   = 1000
	archiveFile    = "archive.db"
	confirmMissing = "%d letters would be discarded; say that you mean them by confirm = %d"
)

// archive is where originals are kept.
func (s *Server) archive() (*deadletter.Archive, error) {
	if s.DataDir == "" {
		return nil, Errorf(NotAllowed, "this process has no data directory, and so no archive; letters are changed only where the original is kept")
	}
	return &s.archived, nil
}

func (s *Server) newArchive() deadletter.Archive {
	return deadletter.Archive{Path: filepath.Join(s.DataDir, archiveFile), Clock: s.Clock}
}

// former says what became of a letter that is not found, where the archive knows.
func (s *Server) former(of deadletter.Selection, err error) error {
	if len(of.IDs) != 1 || s.DataDir == "" {
		return err
	}
	if l, archived := s.archived.Get(of.IDs[0]); archived == nil && l.Restored.IsZero() {
		return fmt.Errorf("letter %s was %s by %s at %s, and is in the archive", l.ID, l.How, l.By, l.Time.Format(time.RFC3339))
	}
	return err
}

// who is the user that gave a command.
func (r *request) who() string { return cmp.Or(r.from.User, "the "+r.from.On) }

// queueOf finds the target's flow and the queue of its dead letters.
func (s *Server) queueOf(r *request, flow string, invalid bool) (deadletter.Queue, error) {
	found, err := find("flow", flow, same, s.Process.Flows(), Flow.Name)
	if err != nil {
		return deadletter.Queue{}, err
	}
	return found[0].DeadLetters(r.ctx, invalid)
}

// LettersDiscarded is the result of letters_discard.
type LettersDiscarded struct {
	Discarded int `json:"discarded"`
	Gone      int `json:"gone,omitempty"` // somebody else has taken them meanwhile
}

// discardLetters is the command letters_discard.
func (s *Server) discardLetters(r *request) (any, error) {
	chosen, reason, confirm := s.selection(r), r.text("reason"), r.whole("confirm")
	if strings.TrimSpace(reason) == "" || len(reason) > mostReason {
		r.refuse("letters are discarded for a \"reason\", of %d bytes at most", mostReason)
	}
	if err := s.lettersOf(r); err != nil {
		return nil, err
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	q, err := s.queueOf(r, r.Target, chosen.Invalid)
	if err != nil {
		return nil, err
	}
	c, err := s.jobs.Choose(r.ctx, q, chosen)
	if err != nil {
		return nil, Errorf(UnknownTarget, "%v", err)
	}
	switch n := len(c.IDs); {
	case n == 0:
		return nil, Errorf(UnknownTarget, "none of the letters in %s is meant", q)
	case n > unconfirmed && int(confirm) != n, confirm != 0 && int(confirm) != n:
		return nil, Errorf(BadArgs, confirmMissing, n, n)
	}
	n, err := s.jobs.Discard(r.ctx, q, c, a, deadletter.Change{Flow: r.Target, Invalid: chosen.Invalid, By: r.who(), Reason: reason})
	r.did = &Did{Letters: n, IDs: c.IDs}
	if err != nil {
		return nil, Errorf(Failed, "%d letters were discarded: %v", n, err)
	}
	return LettersDiscarded{n, len(c.IDs) - n}, nil
}

// editLetter is the command letters_edit: it changes one letter, and has it pass its flow.
func (s *Server) editLetter(r *request) (any, error) {
	chosen := deadletter.Selection{Flow: r.Target, Invalid: r.flag("invalid"), IDs: r.ids()}
	e := r.edit()
	if len(chosen.IDs) != 1 {
		r.refuse("one letter is edited at a time: give its id in \"ids\"")
	}
	if err := s.lettersOf(r); err != nil {
		return nil, err
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	did, err := s.jobs.Mend(r.ctx, chosen, e, a, deadletter.Change{Flow: r.Target, Invalid: chosen.Invalid, By: r.who()})
	if errors.Is(err, deadletter.ErrNoLetter) {
		return nil, Errorf(UnknownTarget, "%v", s.former(chosen, err))
	}
	if did.ID != "" {
		r.did = &Did{Letters: 1, IDs: []string{did.ID}, Changed: did.Changed, Before: did.Before, After: did.After, Outcome: did.Outcome}
	}
	if err != nil {
		return nil, err
	}
	return did, nil
}

// edit reads what is to be changed.
func (r *request) edit() (e deadletter.Edit) {
	e.Raw = r.flag("raw")
	set := r.object("set", MaxCommand)
	e.Unset = r.list("unset")
	if len(set)+len(e.Unset) > mostChanges {
		r.refuse("an edit changes %d paths at most", mostChanges)
	}
	if slices.Contains(e.Unset, "") {
		r.refuse("\"unset\" must be a list of paths")
	}
	for _, path := range slices.Sorted(maps.Keys(set)) {
		value, err := json.Marshal(set[path])
		if err != nil {
			r.refuse("\"set\" must be an object of paths and their values")
		}
		e.Set = append(e.Set, deadletter.Assignment{Path: path, Value: value})
	}
	if r.Args["body"] != nil {
		body := []byte(r.text("body"))
		e.Body = &body
	}
	if r.Args["body_base64"] != nil {
		body, err := base64.StdEncoding.DecodeString(r.text("body_base64"))
		if err != nil || e.Body != nil {
			r.refuse("\"body_base64\" must be base64, and is in place of \"body\"")
		}
		e.Body = &body
	}
	return e
}

// LettersRestored is the result of letters_restore.
type LettersRestored struct {
	ID    string `json:"id"`
	Queue string `json:"queue"`
}

// restoreLetter is the command letters_restore: it puts a letter from the archive, or an
// exported one, into the queue of its flow's dead letters.
func (s *Server) restoreLetter(r *request) (any, error) {
	ids, again := r.ids(), r.flag("again")
	given, isExport := r.Args["letter"].(map[string]any)
	if isExport == (len(ids) == 1) {
		r.refuse("restore needs either the id of an archived letter, or an exported \"letter\"")
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	if isExport {
		return s.importLetter(r, given)
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	l, err := a.Get(ids[0])
	switch {
	case errors.Is(err, deadletter.ErrNotArchived):
		return nil, Errorf(UnknownTarget, "%v; letters_archive lists what is", err)
	case err != nil:
		return nil, err
	case !l.Restored.IsZero() && !again:
		return nil, Errorf(Failed, "letter %s was restored at %s; again = true does it once more", l.ID, l.Restored.Format(time.RFC3339))
	}
	q, err := s.queueOf(r, l.Flow, l.Invalid)
	if err != nil {
		return nil, err
	}
	r.did = &Did{Letters: 1, IDs: []string{l.ID}}
	if err := a.Note(l.ID, func(l *deadletter.Archived) { l.Restored = s.Clock.Now().UTC() }); err != nil {
		return nil, err
	}
	if err := s.jobs.Restore(r.ctx, q, l.Message); err != nil {
		return nil, Errorf(Failed, "whether letter %s is in %s now is not known; again = true sends it once more: %v", l.ID, q, err)
	}
	return LettersRestored{l.ID, q.String()}, nil
}

func (s *Server) importLetter(r *request, given map[string]any) (any, error) {
	line, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	e, err := deadletter.ReadExport(line)
	if err != nil {
		return nil, Errorf(BadArgs, "%v", err)
	}
	m, err := e.Import()
	if err != nil {
		return nil, Errorf(BadArgs, "%v", err)
	}
	l := deadletter.Read(m)
	q, err := s.queueOf(r, cmp.Or(r.Target, l.Cause.Flow), r.flag("invalid"))
	if err != nil {
		return nil, err
	}
	r.did = &Did{Letters: 1, IDs: []string{l.ID}}
	if err := s.jobs.Restore(r.ctx, q, m); err != nil {
		return nil, Errorf(Failed, "whether letter %s is in %s now is not known: %v", l.ID, q, err)
	}
	return LettersRestored{l.ID, q.String()}, nil
}

// LettersArchived is the result of letters_archive.
type LettersArchived struct {
	Letters []deadletter.Archived `json:"letters"` // the latest first
	Of      int                   `json:"of"`
}

// archivedLetters is the command letters_archive.
func (s *Server) archivedLetters(r *request) (any, error) {
	limit := r.upTo("limit", mostArchived, archivedShown)
	if r.wrong != nil {
		return nil, r.wrong
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	latest, all, err := a.List(limit)
	if latest == nil {
		latest = []deadletter.Archived{}
	}
	return LettersArchived{latest, all}, err
}
