package deadletter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Search picks from a queue the letters that a Selection means, and completes their
// ids. It must be shown all letters of the queue, in their order. One goroutine at a time
// may use it.
type Search struct {
	Selection
	// Nameless leaves ids incomplete where none is asked for: then nothing that is kept
	// grows with the queue.
	Nameless bool
	Read     int // letters that it was shown

	namer  Namer
	groups []string            // that begin as is asked for
	named  map[string][]string // ids of letters, by how each was asked for
	barred error               // why the last that is meant may not be picked
}

// Picks reports whether a letter is meant.
func (s *Search) Picks(l *Letter) bool {
	s.Read++
	all := s.Selection
	all.IDs = nil
	if !all.Match(*l) || len(s.IDs) > 0 && !slices.ContainsFunc(s.IDs, l.mayBeNamed) {
		return false
	}
	if !s.Nameless || len(s.IDs) > 0 {
		s.namer.Name(l) // equal letters all come here, or none
	}
	if s.Group != "" {
		s.groups = another(s.groups, l.Cause.Group())
	}
	if len(s.IDs) == 0 {
		return true
	}
	if s.named == nil {
		s.named = map[string][]string{}
	}
	picked := false
	for _, given := range s.IDs {
		if l.Named(given) {
			s.named[given] = another(s.named[given], l.ID)
			picked = true
		}
	}
	return picked
}

// bar is about a letter that may not be picked, and why.
func (s *Search) bar(l *Letter, why error) {
	if slices.ContainsFunc(s.IDs, l.mayBeNamed) || len(s.IDs) == 0 && s.Match(*l) {
		s.barred = fmt.Errorf("the letter %s: %w", l.ID, why)
	}
}

// mayBeNamed is Named of a letter whose id is not completed yet.
func (l Letter) mayBeNamed(given string) bool {
	given, _, _ = strings.Cut(given, "-")
	return l.Named(given)
}

// another adds to a few different words.
func another(words []string, word string) []string {
	if len(words) < 3 && !slices.Contains(words, word) {
		return append(words, word)
	}
	return words
}

// ErrNoLetter begins the error about an id that is of none.
var ErrNoLetter = errors.New("no letter has")

// Check reports, when all letters were shown, what was asked for and is of nobody, or may
// be that of several.
func (s *Search) Check() error {
	if len(s.groups) > 1 {
		return fmt.Errorf("the groups %s all begin with %s; give more of the id", strings.Join(s.groups, ", "), s.Group)
	}
	for _, given := range s.IDs {
		switch found := s.named[given]; {
		case len(found) == 0 && len(given) < MinDigits:
			return fmt.Errorf("%.20s is too short for the id of a letter: give %d digits at least", given, MinDigits)
		case len(found) == 0 && s.barred != nil:
			return s.barred
		case len(found) == 0:
			return fmt.Errorf("%w the id %.40s; it has another when it has failed once more", ErrNoLetter, given)
		case len(found) > 1:
			return fmt.Errorf("the letters %s all have ids that begin with %s; give more of it", strings.Join(found, ", "), given)
		}
	}
	return nil
}
