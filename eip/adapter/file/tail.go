package file

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/ackwindow"
)

// A tail is one file that is read line by line.
type tail struct {
	source      *source
	path        string
	file        *os.File
	identity    identity
	key         string // of its position
	idPrefix    string
	lines       *stream.LineReader
	digest      digest   // of what lines has cut or begun
	last        position // the line that was read last
	begin       int64    // where the next line begins
	limit       int64    // the file's size when it was looked at
	stamp       stamp    // then
	seen        *seen    // the same, as it is kept
	fresh       bool     // it had only just been changed then
	final       bool     // nobody writes it any more: its last line may lack an end
	missing     time.Time
	window      *ackwindow.Window[position]
	headers     eip.Headers
	contentType string
	skipEmpty   bool
	zipped      bool
	leftOut     bool // it cannot be read as it is
	finished    bool // all that is in it was settled
	ahead       zippedLine
}

// A line is what is cut from a file.
type line struct {
	stream.Line
	digest digest // of what was read to its end
}

// openTail opens a file where its kept position is; at its beginning if it has
// none or is not what it was.
func (s *source) openTail(path string) (*tail, error) {
	f, err := s.found.open(path)
	if err != nil {
		return nil, err
	}
	t, err := s.newTail(path, f)
	if err == nil {
		err = t.resume()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

func (s *source) newTail(path string, f *os.File) (*tail, error) {
	id, info, err := identify(f)
	if err != nil {
		return nil, err
	}
	t := &tail{source: s, file: f, identity: id, zipped: s.zipped(path)}
	t.final = !s.Follow || t.zipped
	in := io.Reader(f)
	if t.zipped {
		in = &unzip{file: f}
	}
	t.cut(in)
	t.looked(info)
	h := fnv.New64a()
	io.WriteString(h, id.lasting())
	t.idPrefix = strconv.FormatUint(h.Sum64(), 16) + "-"
	t.name(path)
	t.key = s.key(id.lasting())
	prefix := positionPrefix(absolute(path))
	t.window = ackwindow.New(func(p position) { s.keep(t.key, p.encode(prefix)) })
	return t, nil
}

// cut begins to cut in into lines.
func (t *tail) cut(in io.Reader) {
	t.lines, t.digest = stream.NewLineReader(in, int(t.source.MaxBody)), digest{}
	t.lines.Tee = t.digest.add
}

// resume goes on after the kept position.
func (t *tail) resume() error {
	value, err := t.source.kept(t.key)
	if err != nil {
		return err
	}
	p, ok := decodePosition(value)
	switch {
	case !ok:
		return nil
	case t.zipped:
		return t.resumeZipped(p)
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if !p.still(t.file, info, t.source.closed) {
		t.logAnew()
		return nil
	}
	t.last = p
	t.begin, err = p.seek(t.file)
	t.lines.Begun = true
	if t.digest = p.digest(); t.begin != p.end {
		t.digest = digest{from: t.begin, to: t.begin}
	}
	return err
}

// looked takes notice of how far a file goes now.
func (t *tail) looked(info fs.FileInfo) {
	t.limit = info.Size()
	if now := stampOf(info); now != t.stamp {
		t.stamp, t.seen = now, seenAs(now)
	}
	since := time.Since(info.ModTime())
	t.fresh = since >= 0 && since < timeStep
}

// timeStep is how far apart changes of a file are that have different times.
const timeStep = 20 * time.Millisecond

// anew reads a file from its beginning that was written anew. What is unsettled
// belongs to what the file was, and moves no position any more.
func (t *tail) anew() (*tail, error) {
	t.logAnew()
	t.window.Stop()
	n, err := t.source.newTail(t.path, t.file)
	if err != nil {
		return nil, err
	}
	t.source.keep(n.key, n.last.encode(positionPrefix(absolute(t.path))))
	_, err = t.file.Seek(0, io.SeekStart)
	return n, err
}

func (t *tail) logAnew() {
	t.source.env.Log.Info("the file was written anew, and is read from its beginning", slog.String("path", t.path))
}

// name says where the file is now.
func (t *tail) name(path string) {
	if path == t.path {
		return
	}
	t.path = path
	t.headers = eip.Headers{"file": path}
	t.contentType = t.source.typeOf(path)
	t.skipEmpty = content.FormatOf(t.contentType) == content.JSON
}

// next returns the next line of what was there when the file was looked at; nil
// when that was all.
func (t *tail) next() (*given, error) {
	for !t.leftOut && !t.finished && (t.final || t.begin < t.limit) {
		l, last, err := t.nextLine()
		if l.UTF16 {
			err = stream.ErrUTF16
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", t.path, err)
		}
		t.last = positionOf(t.begin, &l, t.seen)
		t.last.done = last
		t.begin += l.Size
		body := l.Body(int(t.source.MaxBody))
		if len(body) == 0 && t.skipEmpty {
			continue
		}
		return &given{
			origin: t, id: t.id(), body: body, contentType: t.contentType, headers: t.headers,
			err: l.Err(int(t.source.MaxBody)), ticket: t.window.Add(t.last),
		}, nil
	}
	return nil, nil
}

// id is the same when a line is delivered again, also by another process, and
// another one when anything before it is.
func (t *tail) id() string {
	var b [48]byte
	id := append(b[:0], t.idPrefix...)
	id = strconv.AppendInt(id, t.last.start, 10)
	id = append(id, '-')
	return string(strconv.AppendUint(id, uint64(t.last.all), 16))
}

func (t *tail) settled(g *given) { t.window.Done(g.ticket) }

func (t *tail) fail(g *given) { t.source.fail(g) }

func (t *tail) keptIn(p adapter.Positions) bool { return t.source.keptIn(p) }

// read is how much of the file was read, lines that have only begun included.
func (t *tail) read() int64 { return t.begin + t.lines.Pending() }

// rewritten reports whether the file is no longer the one that was read.
func (t *tail) rewritten(info fs.FileInfo) bool {
	now := stampOf(info)
	switch {
	case now.Size < t.read():
		return true
	case now == t.stamp && !t.fresh:
		return false
	case now.Size > t.limit:
		return !t.last.in(t.file) || !t.digest.begins(t.file)
	}
	return !t.digest.holds(t.file, t.source.closed)
}

// close gives the file back. Lines of it that are not settled yet still move its
// position on.
func (t *tail) close() error { return t.file.Close() }
