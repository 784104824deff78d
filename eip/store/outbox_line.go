package store

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// PutBehind writes down, in a step, that m is to be sent as soon as all that was put in the
// same line before has settled.
func (o *Outbox) PutBehind(tx Tx, line string, m *eip.Message) error {
	line = string(binary.AppendUvarint(nil, uint64(len(line)))) + line // which begins no other
	if err := o.put(tx, behindPrefix+line, nil, m, time.Time{}); err != nil {
		return err
	}
	if there, _ := tx.Get(linePrefix + line); there == nil {
		first(tx, line, tx.Last())
	}
	return tx.Err()
}

// first has the message of a number be the next of its line: before those of others that
// were put later.
func first(tx Tx, line string, number uint64) {
	tx.Put(linePrefix+line, []byte{1}, time.Unix(0, int64(number)))
}

// firstOf is the message that is first in a line; "": there is none.
func firstOf(r Reader, line string) (key string, value []byte) {
	for key, value := range r.Range(behindPrefix+line, "") {
		return key, value
	}
	return "", nil
}

// gone removes what was sent. The line that it was in lasts while there are others in it.
func (e *entry) gone(tx Tx) error {
	tx.Delete(e.holds)
	if line, ok := strings.CutPrefix(e.key, linePrefix); ok {
		tx.Delete(e.key)
		if next, _ := firstOf(tx, line); next != "" {
			first(tx, line, binary.BigEndian.Uint64([]byte(next[len(next)-8:])))
		}
	}
	return tx.Err()
}
