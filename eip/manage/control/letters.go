package control

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// Bounds of letters.
const (
	lettersShown     = 50      // where nothing else is said
	mostLettersShown = 1000    // at once
	mostLetterBytes  = 8 << 20 // of those, at once
	mostGivenIDs     = 1000
)

// Letter is a dead letter in a reply.
type Letter struct {
	ID          string    `json:"id"`
	Group       string    `json:"group"`
	Queue       string    `json:"queue"`
	Flow        string    `json:"flow"`
	Stage       string    `json:"stage"`
	Reason      string    `json:"reason"`
	Error       string    `json:"error"`
	Attempts    int       `json:"attempts"`
	Replays     int       `json:"replays"`
	Failed      time.Time `json:"failed,omitzero"`
	FirstFailed time.Time `json:"first_failed,omitzero"`
	Edited      string    `json:"edited,omitempty"`
	Stripped    string    `json:"stripped,omitempty"` // why its own headers are missing
	Taken       bool      `json:"taken,omitempty"`    // somebody has it at the moment
	Size        int64     `json:"size"`               // of its body, in bytes
	MessageID   string    `json:"message_id,omitempty"`
	Type        string    `json:"type,omitempty"`
	// The rest only letters_body shows.
	ContentType   string      `json:"content_type,omitempty"`
	CorrelationID string      `json:"correlation_id,omitempty"`
	Key           string      `json:"key,omitempty"`
	Timestamp     time.Time   `json:"timestamp,omitzero"`
	Headers       eip.Headers `json:"headers,omitempty"`
	Body          any         `json:"body,omitempty"`
}

// LettersLooking is the first result of letters and letters_body: what is going to be
// looked into, and what that costs.
type LettersLooking struct {
	Looking []LettersIn `json:"looking"`
}

// LettersSeen is the last result of letters and letters_body; those in between are letters.
type LettersSeen struct {
	Groups []deadletter.Group `json:"groups,omitempty"`
	Other  int                `json:"other,omitempty"` // letters of further groups
	Read   int                `json:"read"`            // letters that were read
	Of     int                `json:"of"`              // that wait; -1: nobody knows
	Found  int                `json:"found"`           // letters that were meant
	More   bool               `json:"more,omitempty"`  // not all that were meant are shown
	Queues []LettersIn        `json:"queues"`
}

// LettersIn is one queue that was looked into.
type LettersIn struct {
	Queue string       `json:"queue"`
	Read  int          `json:"read"`
	Of    int          `json:"of"` // that wait in it; -1: nobody knows
	Cost  broker.Price `json:"cost"`
	Error string       `json:"error,omitempty"` // why it could not be looked into, or not to its end
}

// letters is the command of that name: it groups dead letters by their cause, or lists
// them, without their bodies and headers.
func (s *Server) letters(r *request) (any, error) { return s.showLetters(r, false) }

// lettersBody is the command letters_body: it shows dead letters with all that they hold.
func (s *Server) lettersBody(r *request) (any, error) { return s.showLetters(r, true) }

func (s *Server) showLetters(r *request, bodies bool) (any, error) {
	chosen := s.selection(r)
	list, exact, limit := bodies || r.flag("list"), r.flag("exact"), r.upTo("limit", mostLettersShown, lettersShown)
	by, err := deadletter.ParseBy(r.text("by"))
	if err != nil {
		r.refuse("\"by\": %v", err)
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	looks, err := s.looks(r, chosen)
	if err != nil {
		return nil, err
	}
	l := &looking{server: s, search: deadletter.Search{Selection: chosen, Nameless: !list}, bodies: bodies, exact: exact, to: r, most: limit}
	if bodies {
		r.did = &l.did
	}
	if !list {
		l.groups = deadletter.NewGroups(by)
	}
	if err := l.prices(r.ctx, looks); err != nil {
		return nil, err
	}
	if !s.stream(r, LettersLooking{l.seen.Queues}) {
		return l.seen, nil // the asker is gone
	}
	for i, look := range looks {
		if err := l.into(r.ctx, &l.seen.Queues[i], look); err != nil {
			return nil, Errorf(Failed, "%d letters were read: %v", l.search.Read, err)
		}
	}
	return l.show(r)
}

// selection reads the arguments that say which letters are meant.
func (s *Server) selection(r *request) deadletter.Selection {
	chosen := deadletter.Selection{Flow: r.Target, Invalid: r.flag("invalid"), Group: r.text("group"), IDs: r.ids(), Since: s.moment(r, "since"), Until: s.moment(r, "until")}
	if text := r.text("if"); text != "" {
		if s.Compile == nil {
			r.wrong = Errorf(NotAllowed, "this process takes no \"if\"")
			return chosen
		}
		var err error
		if chosen.If, err = s.Compile(text); err != nil {
			r.refuse("\"if\": %v", err)
		}
	}
	return chosen
}

// lettersArgs are those that selection reads.
var lettersArgs = []string{"invalid", "group", "ids", "since", "until", "if"}

// ids reads the argument of that name.
func (r *request) ids() []string {
	all := r.list("ids")
	if len(all) > mostGivenIDs || slices.Contains(all, "") {
		r.refuse("\"ids\" must be a list of %d ids at most", mostGivenIDs)
	}
	return all
}

// moment reads a time, or how long ago that is.
func (s *Server) moment(r *request, name string) time.Time {
	text := r.text(name)
	if text == "" {
		return time.Time{}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return s.Clock.Now().Add(-ago)
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	r.refuse("%q must be a time like 2026-01-31T09:00:00Z, a day, or how long ago: 2h", name)
	return time.Time{}
}

// looks finds the queues that are to be looked into: the target's, or of all flows.
func (s *Server) looks(r *request, of deadletter.Selection) (all []Look, err error) {
	for _, f := range s.Process.Flows() {
		if r.Target != "" && f.Name() != r.Target {
			continue
		}
		look, err := lookAt(r.ctx, f, of.Invalid)
		switch {
		case r.Target != "" && err != nil:
			return nil, err
		case r.Target != "":
			return []Look{look}, nil
		case eip.IsPermanent(err): // it keeps none
		case err != nil:
			s.Log.Warn("dead letters cannot be looked at", slog.String("flow", f.Name()), slog.Any("error", err))
			all = append(all, Look{Queue: f.Name()})
		case !slices.ContainsFunc(all, func(l Look) bool { return l.Queue == look.Queue }):
			all = append(all, look)
		}
	}
	if r.Target != "" {
		_, err = find("flow", r.Target, same, s.Process.Flows(), Flow.Name)
	}
	return all, err
}

// lookAt finds the queue of a flow's dead letters, to be looked into.
func lookAt(ctx context.Context, f Flow, invalid bool) (Look, error) {
	q, err := f.DeadLetters(ctx, invalid)
	if err != nil {
		return Look{}, err
	}
	browser, err := q.Browser()
	return Look{q.Name, q.Channel, browser}, err
}

// letter reads a message as a dead letter, as others may see it.
func (s *Server) letter(m *eip.Message) deadletter.Letter {
	seen, hidden := m, false
	if !s.redact.none() {
		v := s.redact.look(m, func(any) { hidden = true })
		if hidden = hidden || v.how == noBody && len(m.Body()) > 0; hidden { // else it stays as it was written
			seen = v.message()
		}
	}
	if text, ok := seen.Headers[header.Error].(string); ok {
		if hidden := s.Hide(text); hidden != text {
			seen = seen.WithHeader(header.Error, hidden)
		}
	}
	l := deadletter.ReadSeen(m, seen)
	l.Redacted = hidden
	return l
}
