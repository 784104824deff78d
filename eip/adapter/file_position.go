package adapter

import (
	"bytes"
	"encoding/json"
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
	ended      bool // by a newline
	digest          // of all to end
	stamp           // of the file when the line was read
	done       bool // nothing comes after it in a file that nobody goes on writing
}

// checked is how much of a line is looked at to see whether a file is still the one
// that was read.
const checked = 1 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func positionOf(start int64, l *line) position {
	n := min(len(l.content), checked)
	return position{start: start, end: start + l.size, check: n, sum: crc32.Checksum(l.content[:n], castagnoli), ended: l.ended, digest: l.digest}
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
	return (!p.ended || last[0] == '\n') && p.begins(f)
}

// still reports whether f has what was read of it. Where it was touched and has not
// grown, which nobody does who appends, all is looked at again.
func (p *position) still(f *os.File, info fs.FileInfo, stop <-chan struct{}) bool {
	if !p.in(f) {
		return false
	}
	now := stampOf(info)
	return now == p.stamp || now.Size > p.stamp.Size || p.holds(f, stop)
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
	stamp
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
	b := make([]byte, 0, len(prefix)+224)
	b = append(b, prefix...)
	b = strconv.AppendInt(b, p.start, 10)
	b = append(b, `,"end":`...)
	b = strconv.AppendInt(b, p.end, 10)
	b = append(b, `,"check":`...)
	b = strconv.AppendInt(b, int64(p.check), 10)
	b = append(b, `,"sum":`...)
	b = strconv.AppendUint(b, uint64(p.sum), 10)
	b = append(b, `,"ended":`...)
	b = strconv.AppendBool(b, p.ended)
	for _, n := range [...]struct {
		name  string
		value int64
	}{
		{`,"from":`, p.from}, {`,"all":`, int64(p.all)}, {`,"head":`, int64(p.head)},
		{`,"size":`, p.Size}, {`,"modified":`, p.Modified}, {`,"changed":`, p.Changed},
	} {
		b = strconv.AppendInt(append(b, n.name...), n.value, 10)
	}
	if p.done {
		b = append(b, `,"done":true`...)
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
	p := position{start: k.Start, end: k.End, check: k.Check, sum: k.Sum, ended: k.Ended, stamp: k.stamp, done: k.Done}
	if p.digest = (digest{k.From, k.End, k.All, k.Head}); k.From < 0 || k.From > k.End || k.Size == 0 {
		p.digest, p.stamp = digest{from: k.End, to: k.End}, stamp{} // as older versions kept it
	}
	return p, true
}

// seek moves f to where reading goes on after p.
func (p *position) seek(f *os.File) (int64, error) {
	at := p.resume(f)
	_, err := f.Seek(at, io.SeekStart)
	return at, err
}
