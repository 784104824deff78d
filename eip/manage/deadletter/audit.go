package deadletter

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/eipd/eipd/internal/private"
)

// AuditFile is the name of a Chain's file in a data directory, and HeadFile that of the
// file beside it which says how it ends.
const (
	AuditFile = "audit.jsonl"
	HeadFile  = "audit.head"
)

const (
	auditBytes = 64 << 20 // of a file; then another is begun, and one is kept
	auditLine  = 1 << 20
)

// A Chain is a file of records, each with the number and the hash of the one before, so
// that it shows when one was altered or removed. It is safe for concurrent use.
type Chain struct {
	Dir string

	mu   sync.Mutex
	file *os.File // nil: it is not open
	size int64
	last link
}

// link is what a line begins with, and what is known of the last line.
type link struct {
	N    int64  `json:"n"`    // from 1
	Prev string `json:"prev"` // the hash of the line before, in SHA-256; "" of the first
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// Ready reports why no record can be written.
func (c *Chain) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open()
}

// Append writes a record, which is an object in JSON, and has it on disk.
func (c *Chain) Append(record any) error {
	fields, err := json.Marshal(record)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(); err != nil {
		return err
	}
	if c.size > auditBytes {
		if err := c.turn(); err != nil {
			return err
		}
	}
	next := link{c.last.N + 1, c.last.Prev}
	begin, err := json.Marshal(next)
	if err != nil {
		return err
	}
	line := append(begin[:len(begin)-1], ',')
	line = append(line, fields[1:]...)
	if len(line) > auditLine {
		return fmt.Errorf("an audit record has %d bytes, more than %d", len(line), auditLine)
	}
	if _, err := c.file.Write(append(line, '\n')); err != nil {
		return errors.Join(err, c.close()) // what is there of it shows at the next start
	}
	next.Prev = hashOf(line)
	c.last, c.size = next, c.size+int64(len(line))+1
	return errors.Join(c.file.Sync(), private.WriteJSON(filepath.Join(c.Dir, HeadFile), c.last))
}

// open opens the file, and finds its end.
func (c *Chain) open() error {
	if c.file != nil {
		return nil
	}
	if err := private.Folder(c.Dir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(c.Dir, AuditFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	last, size, err := endOf(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if size == 0 { // it was taken away, perhaps: the next record shows that
		if head, known := c.head(); known {
			last = head
		}
	}
	c.file, c.last, c.size = f, last, size
	return nil
}

// endOf reads a file up to its end. Of a last line that is cut off, the next record shows
// that it is no record.
func endOf(f *os.File) (last link, size int64, err error) {
	whole := true
	err = lines(f, func(line []byte, ends bool) {
		var l link
		_ = json.Unmarshal(line, &l) // it goes on even after what is none
		last, size, whole = link{max(l.N, last.N+1), hashOf(line)}, size+int64(len(line))+1, ends
	})
	if err == nil && !whole {
		_, err = f.Write([]byte("\n"))
	}
	return last, size, err
}

// lines calls do with each line; ends is false of a last one that is cut off.
func lines(from io.Reader, do func(line []byte, ends bool)) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 {
			do(bytes.TrimSuffix(line, []byte("\n")), err == nil)
		}
		if err != nil {
			return nil
		}
	}
}

func (c *Chain) head() (head link, known bool) {
	data, err := os.ReadFile(filepath.Join(c.Dir, HeadFile))
	return head, err == nil && json.Unmarshal(data, &head) == nil
}

// turn begins another file, which goes on where the one before ends.
func (c *Chain) turn() error {
	if err := c.close(); err != nil {
		return err
	}
	path := filepath.Join(c.Dir, AuditFile)
	if err := os.Rename(path, path+".1"); err != nil {
		return err
	}
	last := c.last
	err := c.open()
	c.last = last
	return err
}

// Close closes the file; the next record opens it again.
func (c *Chain) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.close()
}

func (c *Chain) close() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// Verify reads the audit files of a data directory, and returns how many records there are,
// and what is wrong with them.
func Verify(dir string) (records int, wrong []string, err error) {
	v := verifying{}
	for _, name := range []string{AuditFile + ".1", AuditFile} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name != AuditFile {
			continue
		}
		if err != nil {
			return v.records, nil, err
		}
		err = errors.Join(v.read(name, f), f.Close())
		if err != nil {
			return v.records, v.wrong, err
		}
	}
	head, known := (&Chain{Dir: dir}).head()
	switch {
	case !known:
		v.say("%s cannot be read: whether the last records are missing, nobody can say", HeadFile)
	case head == v.last, head == v.before: // the process may have ended in between
	case head.N == v.last.N:
		v.say("the last record, number %d, was altered, or is not whole", head.N)
	default:
		v.say("the last record is number %d, and %s says %d: records at the end were altered or removed", v.last.N, HeadFile, head.N)
	}
	return v.records, v.wrong, nil
}

type verifying struct {
	records      int
	last, before link
	wrong        []string
}

const mostWrong = 20

func (v *verifying) say(format string, args ...any) {
	if len(v.wrong) < mostWrong {
		v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
	}
}

func (v *verifying) read(name string, from io.Reader) error {
	at := 0
	return lines(from, func(line []byte, _ bool) {
		at++
		v.line(fmt.Sprintf("%s line %d", name, at), line)
	})
}

func (v *verifying) line(place string, line []byte) {
	v.records++
	var l link
	older := v.records == 1 && strings.HasPrefix(place, AuditFile+".1 ")
	switch err := json.Unmarshal(line, &l); {
	case err != nil:
		v.say("%s is no record", place)
		l.N = v.last.N + 1 // the next one goes on from it
	case older && l.Prev != "": // those before are gone, as they may be
	case l.N != v.last.N+1:
		v.say("%s is record %d, and follows record %d: records were removed, added or swapped", place, l.N, v.last.N)
	case l.Prev != v.last.Prev:
		v.say("%s does not follow from the line before it: that one, number %d, was altered", place, v.last.N)
	}
	v.before, v.last = v.last, link{l.N, hashOf(line)}
}
