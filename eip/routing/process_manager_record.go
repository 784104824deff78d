package routing

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// What a ProcessManager keeps, by how the keys begin. A process is named by the hash of its
// key, and each that ever was has a number.
//
//	g HASH          a process; due at its next time
//	o NUMBER        its hash: processes in the order in which they began
//	k HASH          one has ended: its number and final state; due when that is forgotten
//	i HASH IDENTITY it has had this message; due when that is forgotten
//	w HASH NUMBER   a message that waits for its process; due when its patience is over
//	c NAME          how many processes there are in the state of that name; or of those below
//	s               the secret by which replies are known
const (
	beganKey  = "o"
	seenKey   = "i"
	waitKey   = "w"
	amountKey = "c"
	secretKey = "s"
)

// What is counted beside the processes in each state: no state has such a name.
const (
	allTimed   = "+timed"   // processes that a time will do something to, apart from their age
	allWaiting = "+waiting" // messages
)

// The states of processes that take back what they did.
const (
	undoing    = "undoing"
	undoFailed = "undo_failed"
)

const (
	mostData   = 256 << 10
	mostRecord = 1 << 20
	mostState  = 255 // of its name, which stands in keys

	// The messages that wait for one process.
	mostWaits     = 100
	mostWaitBytes = 16 << 20
)

// A process is one that goes on.
type process struct {
	Number  uint64 `json:"n"`
	Key     string `json:"key"`
	Test    string `json:"test,omitempty"` // the identifier of a Test Message
	State   string `json:"state"`
	Began   int64  `json:"began"` // nanoseconds
	Entered int64  `json:"entered"`
	Tries   int    `json:"tries"`   // entries into the state, one after the other
	Version int    `json:"version"` // what has happened to it
	// The longest of the state's times that are over.
	Fired time.Duration `json:"fired,omitempty"`
	// A time will do something to it, apart from its age: it is one of allTimed.
	Timed bool `json:"timed,omitempty"`
	// What it knows.
	Data knowledge `json:"data,omitempty"`
	// The requests of this entry that have no reply yet.
	Asked []asked `json:"asked,omitempty"`
	// What can be undone, the next one last; and the state after that.
	Undo   []undo `json:"undo,omitempty"`
	UndoTo string `json:"undo_to,omitempty"`
}

// knowledge is what a process knows, by names.
type knowledge map[string]json.RawMessage

// asked is a request without a reply.
type asked struct {
	Number uint64 `json:"n"`
	Name   string `json:"name"`
	Until  int64  `json:"until,omitempty"` // nanoseconds; 0: for as long as the state lasts
}

// undo is a message that takes something back.
type undo struct {
	To      string        `json:"to"`
	Request string        `json:"request,omitempty"` // its name; "": nobody replies
	Timeout time.Duration `json:"timeout,omitempty"`
	Message []byte        `json:"message"`
}

// clone returns a copy that can be changed.
func (p *process) clone() *process {
	if p == nil {
		return nil
	}
	c := *p
	c.Data, c.Asked, c.Undo = maps.Clone(p.Data), slices.Clone(p.Asked), slices.Clone(p.Undo)
	return &c
}

// loadProcess reads a process; nil: there is none.
func loadProcess(r store.Reader, hash string) (*process, error) {
	value, _ := r.Get(groupKey + hash)
	if value == nil {
		return nil, nil
	}
	p := &process{}
	if err := json.Unmarshal(value, p); err != nil {
		return nil, eip.Permanent(fmt.Errorf("the process cannot be read: %w", err))
	}
	return p, nil
}

// encode is a process as it is kept.
func (p *ProcessManager) encode(of *process) ([]byte, error) {
	_, what := p.next(of)
	of.Timed = what.kind != byAge
	kept, err := json.Marshal(of)
	if err == nil && len(kept) > mostRecord {
		err = fmt.Errorf("the process would take %d bytes with all that it may undo and waits for, more than %d", len(kept), mostRecord)
	}
	return kept, eip.Permanent(err)
}

// write puts down what has become of the process.
func (s *step) write() error {
	was, now := s.was, s.process
	s.move(stateOf(was), stateOf(now))
	if s.ended != nil && s.of.Remember > 0 {
		s.tx.Put(closedKey+s.hash, s.ended, s.at.Add(s.of.Remember))
	}
	switch {
	case now != nil:
		if s.kept == nil {
			var err error
			if s.kept, err = s.of.encode(now); err != nil {
				return err
			}
		}
		at, _ := s.of.next(now)
		s.tx.Put(groupKey+s.hash, s.kept, at)
		if was == nil {
			s.tx.Put(beganKey+numberOf(now.Number), []byte(s.hash), time.Time{})
		}
	case was != nil:
		s.tx.Delete(groupKey + s.hash)
	}
	if was != nil && now == nil {
		s.tx.Delete(beganKey + numberOf(was.Number))
	}
	if timed := now != nil && now.Timed; timed != (was != nil && was.Timed) {
		s.amount(allTimed, map[bool]int{true: 1, false: -1}[timed])
	}
	return s.tx.Err()
}

func stateOf(p *process) string {
	if p == nil {
		return ""
	}
	return p.State
}

// move counts a process in another state; "": none.
func (s *step) move(from, to string) {
	if from == to {
		return
	}
	if from != "" {
		s.amount(from, -1)
	}
	if to != "" {
		s.amount(to, 1)
	}
}

// amount changes how many there are of something.
func (s *step) amount(of string, by int) {
	n := amountOf(s.tx, of) + by
	if n <= 0 {
		s.tx.Delete(amountKey + of)
		return
	}
	s.tx.Put(amountKey+of, binary.AppendUvarint(nil, uint64(n)), time.Time{})
}

func amountOf(r store.Reader, of string) int {
	value, _ := r.Get(amountKey + of)
	n, _ := binary.Uvarint(value)
	return int(n)
}

// amounts are how many processes there are in each state.
func amounts(r store.Reader) (inState map[string]int64, all int64) {
	inState = map[string]int64{}
	for key, value := range r.Range(amountKey, "") {
		if name := key[len(amountKey):]; name[0] != '+' {
			n, _ := binary.Uvarint(value)
			inState[name] = int64(n)
			all += int64(n)
		}
	}
	return inState, all
}
