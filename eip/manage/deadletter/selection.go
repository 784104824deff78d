package deadletter

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// MostSelected is how many letters are chosen at once at most.
const MostSelected = 100_000

// A Selection says which letters are meant: those that all of its fields name.
type Selection struct {
	Flow    string    // whose letters; "": anybody's
	Invalid bool      // of its invalid messages, where these have a queue of their own
	Group   string    // of that group, or of those whose id begins so; "": of any
	IDs     []string  // or their beginnings; none: any
	Since   time.Time // that failed then or later; zero: at any time
	Until   time.Time // that failed before; zero: at any time
	// If is asked of what may be seen of a letter; nil: any. Where it cannot tell, the
	// letter is not meant.
	If eip.Predicate
}

// Match reports whether a letter is meant. Its id is complete: where letters are equal,
// a Namer has numbered them.
func (s Selection) Match(l Letter) bool {
	switch {
	case s.Flow != "" && l.Cause.Flow != s.Flow && !strings.HasPrefix(l.Cause.Flow, s.Flow+"."), // replies to its stages: FLOW.STAGE.replies
		s.Group != "" && !strings.HasPrefix(l.Cause.Group(), s.Group),
		len(s.IDs) > 0 && !slices.ContainsFunc(s.IDs, l.Named),
		!s.Since.IsZero() && l.Failed.Before(s.Since),
		!s.Until.IsZero() && !l.Failed.Before(s.Until):
		return false
	case s.If == nil:
		return true
	}
	ok, err := s.If(context.Background(), l.Message)
	return ok && err == nil
}
