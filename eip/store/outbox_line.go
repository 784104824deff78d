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
	n := tx.Last()
	value, _ := tx.Get(string(binary.BigEndian.AppendUint64([]byte(behindPrefix+line), n)))
	inLines(tx, 1, len(value))
	if there, _ := tx.Get(linePrefix + line); there == nil {
		first(tx, line, n)
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
	line, ok := strings.CutPrefix(e.key, linePrefix)
	if !ok {
		tx.Delete(e.key)
		return tx.Err()
	}
	tx.Delete(e.key)
	if value, _ := tx.Get(e.holds); value != nil {
		inLines(tx, -1, -len(value))
		tx.Delete(e.holds)
	}
	if next, _ := firstOf(tx, line); next != "" {
		first(tx, line, binary.BigEndian.Uint64([]byte(next[len(next)-8:])))
	}
	return tx.Err()
}

// lined is how many messages there are in all lines, and how much they take.
func lined(r Reader) (n, bytes int) {
	value, _ := r.Get(linedKey)
	count, size := binary.Uvarint(value)
	all, _ := binary.Uvarint(value[max(size, 0):])
	return int(count), int(all)
}

// inLines counts what comes into lines, and goes.
func inLines(tx Tx, by, bytes int) {
	n, all := lined(tx)
	value := binary.AppendUvarint(nil, uint64(max(n+by, 0)))
	tx.Put(linedKey, binary.AppendUvarint(value, uint64(max(all+bytes, 0))), time.Time{})
}
