package file

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// zipped reports whether what is in a file is read, and not the file as it is.
func (a *Adapter) zipped(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ".gz") && a.ContentType != types[".gz"]
}

var errDamaged = errors.New("it is no whole gzip file")

// unzip reads what is in a gzip file.
type unzip struct {
	file io.Reader
	zip  *gzip.Reader
	err  error
}

func (u *unzip) Read(p []byte) (n int, err error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.zip == nil {
		u.zip, err = gzip.NewReader(bufio.NewReader(u.file))
	}
	if err == nil {
		n, err = u.zip.Read(p)
	}
	var broken *fs.PathError
	if err != nil && err != io.EOF && !errors.As(err, &broken) {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	if u.err = err; err != nil {
		u.zip = nil // it holds some memory
	}
	return n, err
}

// A zippedLine is the line of a gzip file that comes next: whether it is the last
// one must be known with it, so that the file need not be unzipped again.
type zippedLine struct {
	line
	err   error
	known bool
}

// nextLine returns the next line that counts, and whether it is known to be the
// last.
func (t *tail) nextLine() (l line, last bool, err error) {
	if !t.zipped {
		l, err = t.readLine()
		return l, false, err
	}
	if !t.ahead.known {
		t.ahead.line, t.ahead.err = t.readLine()
	}
	l, err = t.ahead.line, t.ahead.err
	if t.ahead.known = true; err == nil {
		t.ahead.line, t.ahead.err = t.readLine()
	}
	return l, err == nil && errors.Is(t.ahead.err, io.EOF), err
}

func (t *tail) readLine() (line, error) {
	l, err := t.lines.Next()
	if errors.Is(err, io.EOF) && t.final {
		if last, ok := t.lines.Last(); ok {
			l, err = last, nil
		}
	}
	return line{l, t.digest}, err
}

// resumeZipped goes on after what was read of a gzip file, if it is in it still.
func (t *tail) resumeZipped(p position) error {
	t.lines.Begun = true
	if t.last, t.begin = p, p.end; p.done && p.seen.is(t.seen) {
		t.finished = true
		return nil
	}
	if t.digest.follow(t.lines.In, p.end, t.source.closed); t.digest == p.digest() {
		return nil
	}
	t.logAnew()
	t.last, t.begin = position{}, 0
	t.cut(&unzip{file: t.file})
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

// follow reads on up to an offset.
func (d *digest) follow(in io.Reader, to int64, stop <-chan struct{}) {
	for b := make([]byte, 64<<10); d.to < to; {
		select {
		case <-stop:
			return
		default:
		}
		n, err := in.Read(b[:min(int64(len(b)), to-d.to)])
		d.add(b[:n])
		if err != nil {
			return
		}
	}
}

// complete reports whether a gzip file that is followed is likely to be complete.
func (s *source) complete(path string, info fs.FileInfo) bool {
	since := time.Since(info.ModTime())
	return !s.zipped(path) || since < 0 || since >= settledAfter
}

// regrow opens a gzip file again that was changed.
func (r *lineFiles) regrow(i int, path string, info fs.FileInfo) error {
	t := r.tails[i]
	if stampOf(info) == t.stamp || !r.complete(path, info) {
		return nil
	}
	n, err := r.openTail(path)
	if err != nil {
		return r.skip(path, err)
	}
	delete(r.failing, path)
	t.window.Stop()
	r.tails[i] = n
	return t.close()
}
