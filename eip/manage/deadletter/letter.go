package deadletter

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// A Letter is a dead letter as the workbench shows it.
type Letter struct {
	// ID is made of what the letter holds, so that every process finds the same one, and
	// a letter that has failed once more has another. It is 16 hexadecimal digits; a Namer
	// adds -2, -3 to those of equal letters.
	ID                  string
	Cause               Cause
	Failed, FirstFailed time.Time // zero: the letter does not say
	Attempts, Replays   int
	Edited              string // when, by whom and from which letter it was made; "": it was not edited
	Stripped            bool   // its own headers are lost
	Taken               bool   // somebody has it at the moment
	Redacted            bool   // something of it may not be seen
	// Message is what may be seen of the letter.
	Message *eip.Message

	removed []string // of the error, what varies
}

// Read reads a message as a dead letter, all of which may be seen.
func Read(m *eip.Message) Letter { return ReadSeen(m, m) }

// ReadSeen reads m as a dead letter, of which seen is what may be seen: the Letter holds
// nothing else of it.
func ReadSeen(m, seen *eip.Message) Letter {
	cause, removed := causeOf(seen)
	return Letter{
		ID: id(m), Cause: cause, removed: removed, Failed: at(m, header.Failed), FirstFailed: at(m, header.FirstFailed),
		Attempts: count(m.Headers[header.Attempts]), Replays: count(m.Headers[header.Replays]), Edited: text(seen, header.Edited),
		Stripped: m.Headers[header.Stripped] != nil, Message: seen,
	}
}

// id is a hash over what tells one letter from others.
func id(m *eip.Message) string {
	h, body := sha256.New(), sha256.Sum256(m.Body())
	for _, part := range []string{m.ID, text(m, header.Flow), text(m, header.FirstFailed), text(m, header.Failed), string(body[:])} {
		add(h, part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// add hashes a part, whose end is told from the beginning of the next.
func add(h hash.Hash, part string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	h.Write(length[:])
	h.Write([]byte(part))
}

func text(m *eip.Message, name string) string {
	t, _ := m.Headers[name].(string)
	return t
}

func at(m *eip.Message, name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text(m, name)) // zero, where it is none
	return t
}

// count reads a number, which some brokers keep as a text.
func count(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case int32:
		return int(v)
	case int64:
		return int(v)
	case string:
		n, _ := strconv.Atoi(v) // 0, where it is none
		return n
	}
	return 0
}

// A Namer tells equal letters of a queue apart, in the order of the queue: it must be
// given each letter in turn that may have an equal one. It keeps 16 bytes and a few of
// each.
type Namer struct{ seen map[uint64]uint32 }

// Name completes the id of a letter.
func (n *Namer) Name(l *Letter) {
	if n.seen == nil {
		n.seen = map[uint64]uint32{}
	}
	is := valueOf(l.ID)
	n.seen[is]++
	if times := n.seen[is]; times > 1 {
		l.ID = fmt.Sprintf("%s-%d", l.ID, times)
	}
}

// alone reports whether no letter has an equal id.
func (n *Namer) alone(id string) bool { return n.seen[valueOf(base(id))] == 1 }

// valueOf is what the digits of an id say.
func valueOf(id string) uint64 {
	n, _ := strconv.ParseUint(id, 16, 64) // they are made so
	return n
}

// Bounds of ids.
const (
	digits    = 16
	MinDigits = 6 // of an id that is given by its beginning
)

// Named reports whether a given id is that of the letter, or its beginning.
func (l Letter) Named(given string) bool {
	return l.ID == given || len(given) >= MinDigits && len(given) < digits && strings.HasPrefix(l.ID, given)
}
