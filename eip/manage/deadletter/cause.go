package deadletter

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// rules is the version of how errors are normalised. Groups have other ids where it
// changes.
const rules = "1"

// A Cause is why a letter is one. Letters of an equal cause are a group.
type Cause struct {
	Flow   string
	Stage  string // the address of the stage that failed
	Reason string // "failed" or "invalid"
	Error  string // the error's text, without what varies: that is …
}

// Group is the group's id: eight hexadecimal digits, the same in every process.
func (c Cause) Group() string {
	h := sha256.New()
	for _, part := range []string{rules, c.Flow, c.Stage, c.Reason, c.Error} {
		add(h, part)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// causeOf reads a cause of what may be seen of a letter, and what varies in it.
func causeOf(m *eip.Message) (Cause, []string) {
	normal, removed := normalise(text(m, header.Error))
	return Cause{text(m, header.Flow), text(m, header.Stage), text(m, header.Reason), normal}, removed
}
