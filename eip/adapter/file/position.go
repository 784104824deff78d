package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// A position is the last line of a file that is settled with all before it.
type position struct {
	start, end int64
	check      int // so many bytes from start on have the sum
	sum        uint32
	ended      bool   // by a newline
	done       bool   // nothing comes after it in a file that nobody goes on writing
	all, head  uint32 // of the digest to end
	from       int64  // where that begins
	seen       *seen  // the file when the line was read
}

// seen is a file as it was looked at.
type seen struct {
	size  int64
	times uint32 // a sum of them, which is shorter to keep
	kept  []byte
}

func seenAs(s stamp) *seen {
	times := crc32.Checksum(fmt.Append(nil, s.Modified, s.Changed), castagnoli)
	return &seen{s.Size, times, fmt.Appendf(nil, `,"size":%d,"times":%d`, s.Size, times)}
}

func (s *seen) is(other *seen) bool { return s.size == other.size && s.times == other.times }

// digest is what was read of the file to the line's end.
func (p *position) digest() digest { return digest{p.from, p.end, p.all, p.head} }

// checked is how much of a line is looked at to see whether a file is still the one
// that was read.
const checked = 1 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func positionOf(start int64, l *line, seen *seen) position {
	n := min(len(l.Content), checked)
	return position{start: start, end: start + l.Size, check: n, sum: crc32.Checksum(l.Content[:n], castagnoli), ended: l.Ended,
		all: l.digest.all, head: l.digest.head, from: l.digest.from, seen: seen}
}

// in reports whether f still has the line.
func (p *position) in(f *os.File) bool {
	if p.end == 0 {
		return true
	}
	b := make([]byte, p.check)
	if _, err := f.ReadAt(b, p.start); err != nil || crc32.Checksum(b, castagnoli) != p.sum {
		return false
	}
	last := []byte{'\n'}
	if _, err := f.ReadAt(last, p.end-1); err != nil {
		return false
	}
	d := p.digest()
	return (!p.ended || last[0] == '\n') && d.begins(f)
}

// still reports whether f has what was read of it. Where it was touched and has not
// grown, which nobody does who appends, all is looked at again.
func (p *position) still(f *os.File, info fs.FileInfo, stop <-chan struct{}) bool {
	if !p.in(f) {
		return false
	}
	now, d := seenAs(stampOf(info)), p.digest()
	return now.is(p.seen) || now.size > p.seen.size || d.holds(f, stop)
}

// resume is where to read on in f. A line that had no end when it was settled is
// read again if more of it has come, and not if only its end has.
func (p *position) resume(f *os.File) int64 {
	if p.ended || p.end == 0 {
		return p.end
	}
	b := make([]byte, 2)
	n, _ := f.ReadAt(b, p.end)
	switch {
	case n == 0:
		return p.end
	case b[0] == '\n':
		return p.end + 1
	case bytes.Equal(b[:n], []byte("\r\n")):
		return p.end + 2
	}
	return p.start
}

// A keptPosition is a position as it is kept.
type keptPosition struct {
	Path  string `json:"path"` // for people
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	Check int    `json:"check"`
	Sum   uint32 `json:"sum"`
	Ended bool   `json:"ended"`
	From  int64  `json:"from"`
	All   uint32 `json:"all"`
	Head  uint32 `json:"head"`
	Done  bool   `json:"done"`
	Size  int64  `json:"size"`
	Times uint32 `json:"times"`
}

// prefix is what the kept positions in a file of that path begin with.
func positionPrefix(path string) []byte {
	quoted, err := json.Marshal(path)
	if err != nil {
		quoted = []byte(`""`)
	}
	return append(append([]byte(`{"path":`), quoted...), `,"start":`...)
}

// encode is called for every line, and so does not reflect.
func (p *position) encode(prefix []byte) []byte {
	b := append(make([]byte, 0, len(prefix)+152), prefix...)
	add := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	add("", p.start)
	add(`,"end":`, p.end)
	add(`,"check":`, int64(p.check))
	add(`,"sum":`, int64(p.sum))
	b = strconv.AppendBool(append(b, `,"ended":`...), p.ended)
	if p.from > 0 {
		add(`,"from":`, p.from)
	}
	if p.done {
		b = append(b, `,"done":true`...)
	}
	add(`,"all":`, int64(p.all))
	add(`,"head":`, int64(p.head))
	if p.seen != nil {
		b = append(b, p.seen.kept...)
	}
	return append(b, '}')
}

// decodePosition reads a kept position; false where it makes no sense, as that of
// a file which was never read does.
func decodePosition(value []byte) (position, bool) {
	var k keptPosition
	if json.Unmarshal(value, &k) != nil || k.Start < 0 || k.End <= k.Start || k.Check < 0 || k.Check > checked || int64(k.Check) > k.End-k.Start {
		return position{}, false
	}
	p := position{start: k.Start, end: k.End, check: k.Check, sum: k.Sum, ended: k.Ended, done: k.Done, seen: &seen{size: k.Size, times: k.Times}}
	if p.from, p.all, p.head = k.From, k.All, k.Head; k.From < 0 || k.From > k.End || k.Size == 0 {
		p.from, p.all, p.head, p.seen = k.End, 0, 0, &seen{} // as older versions kept it
	}
	return p, true
}

// seek moves f to where reading goes on after p.
func (p *position) seek(f *os.File) (int64, error) {
	at := p.resume(f)
	_, err := f.Seek(at, io.SeekStart)
	return at, err
}
