package control

import (
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Lease is an attribute that every instance was told to have for a time.
type Lease struct {
	Address   string    `json:"address"`
	Attribute string    `json:"attribute"`
	Value     any       `json:"value"`
	Until     time.Time `json:"until"`
}

// Leases is the result of the command leases, and what a process that joins is told.
type Leases struct {
	Leases []Lease `json:"leases"`
}

// leases is the command of that name.
func (s *Server) leases(*request) (any, error) {
	return Leases{s.settings.leases()}, nil
}

// Times of learning.
const (
	stagger   = 250 * time.Millisecond // within which the first of many asks or answers for all
	mayAnswer = time.Second
)

// fleet is what a process knows of the others on its topic.
type fleet struct {
	mu        sync.Mutex
	learning  bool            // what leases are told is taken over
	heard     bool            // others have asked
	answered  bool            // others have answered
	answering bool            // this process is about to
	told      map[string]bool // leases that were told since the last question
	left      []Departure
}

// A Departure is of a process that said that it ends.
type Departure struct {
	Instance string    `json:"instance"`
	Time     time.Time `json:"time"`
}

// Bounds of what is kept of others.
const (
	mostTold     = 1000
	mostLeft     = 100
	rememberLeft = time.Hour
)

// learn has the others tell which leases are running, and takes them over. All that
// listen hear a question and its answers, so that of many that join one asks, and
// what one has answered no other does. It asks again where nobody answers. Who has no
// secret may be told anything by anybody, so he asks only where anybody could set it.
func (t *topicServer) learn() {
	if !t.trusts() {
		return
	}
	t.fleet.learn(true)
	t.busy.Go(func() {
		defer t.fleet.learn(false)
		t.ask()
	})
}

func (t *topicServer) ask() {
	for range 2 {
		if !t.pause(rand.N(stagger)) {
			return
		}
		if !t.fleet.hasHeard() {
			t.tell(news{Ask: true})
			t.answerSoon(time.Time{}) // others do not ask now, and this one may know what they do not
		}
		if !t.pause(mayAnswer) {
			return
		}
	}
}

func (f *fleet) learn(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.learning, f.heard, f.answered = on, false, false
}

// hasHeard reports whether others have answered, or asked since it was called last.
func (f *fleet) hasHeard() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := f.heard || f.answered
	f.heard = false
	return heard
}

// asked takes another process' question.
func (s *Server) asked(at time.Time) {
	s.fleet.mu.Lock()
	s.fleet.heard = true
	s.fleet.mu.Unlock()
	s.answerSoon(at)
}

// answerSoon tells the leases that no other has told by then. No answer is older than
// the question, by whose clock ever: who asks takes it for given before.
func (s *Server) answerSoon(at time.Time) {
	f := &s.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = map[string]bool{} // who asks now may not have heard it
	if f.answering || !s.allowed("topic", "leases") {
		return
	}
	f.answering = true
	s.busy.Go(func() {
		s.pause(rand.N(stagger))
		for _, some := range f.untold(s.settings.leases()) {
			s.tell(news{Leases: some, after: at})
		}
	})
}

// untold are those leases that no other has told, in parts that can be sent.
func (f *fleet) untold(all []Lease) (parts [][]Lease) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answering = false
	size := longestEnd
	for _, l := range all {
		id := l.id()
		if f.told[id] {
			continue
		}
		if size += len(id); size > longestEnd/2 {
			parts, size = append(parts, nil), len(id)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], l)
	}
	return parts
}

// id is the same in all processes that were told the same.
func (l Lease) id() string {
	raw, _ := json.Marshal([]any{l.Address, l.Attribute, l.Value}) // it came as JSON
	return string(raw)
}

// told takes what another process has told.
func (s *Server) told(leases []Lease) {
	f := &s.fleet
	f.mu.Lock()
	f.answered = true
	for _, l := range leases {
		if len(f.told) < mostTold {
			f.told[l.id()] = true
		}
	}
	learning := f.learning
	f.mu.Unlock()
	for _, l := range leases {
		if learning {
			s.takeOver(l)
		}
	}
}

// gone notes that another process ends.
func (f *fleet) gone(instance string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = slices.DeleteFunc(f.left, func(d Departure) bool { return d.Instance == instance })
	f.left = append(f.left, Departure{instance, at})
	f.left = f.left[max(0, len(f.left)-mostLeft):]
}

// departures are those of the last hour.
func (f *fleet) departures(now time.Time) []Departure {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = slices.DeleteFunc(f.left, func(d Departure) bool { return now.Sub(d.Time) > rememberLeft })
	return slices.Clone(f.left)
}

// takeOver sets what others were told, unless this process was told otherwise.
func (s *Server) takeOver(l Lease) {
	left, of := min(s.Clock.Until(l.Until), s.MaxLease), s.settableAt(l.Address, l.Attribute)
	if of == nil || left <= 0 || s.settings.has(key{l.Address, l.Attribute}) {
		return
	}
	if s.write("lease learned from others", slog.String("stage", l.Address), slog.String("attribute", l.Attribute), slog.Any("value", l.Value), slog.Time("until", s.Clock.Now().Add(left))) != nil {
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
	for _, r := range s.all() {
		if r.Until != nil && r.Shared {
			all = append(all, Lease{r.Address, r.Attribute, r.Value, *r.Until})
		}
	}
	return all
}
