package file

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/adapter/internal/stream"
)

// rotateWait is how long a file that has lost its name is read on: whoever writes
// it may not have noticed.
const rotateWait = 5 * time.Second

// lineFiles reads files line by line: each to where it ended when looked at, one
// after the other.
type lineFiles struct {
	*source
	started bool
	unread  []string // of a source that does not follow: files not opened yet
	tails   []*tail
	current int               // of tails
	opened  map[identity]bool // of a source that does not follow: one file may have two names
	failing map[string]bool   // paths that could not be opened, and were logged
	first   string            // which file was first in tails when that was kept
}

func newLineFiles(s *source) *lineFiles {
	return &lineFiles{source: s, opened: map[identity]bool{}, failing: map[string]bool{}}
}

func (r *lineFiles) look() error {
	paths, err := r.find()
	if err != nil {
		return err
	}
	if !r.Follow {
		r.unread = paths
		return nil
	}
	if !r.started {
		r.started = true
		if err := r.openRotated(); err != nil {
			return err
		}
	}
	return r.follow(paths)
}

func (r *lineFiles) next() (*given, error) {
	for {
		for r.current < len(r.tails) {
			t := r.tails[r.current]
			g, err := t.next()
			if errors.Is(err, stream.ErrUTF16) || errors.Is(err, errDamaged) {
				t.leftOut = true
				err = r.skip(t.path, err)
			}
			if g != nil || err != nil {
				return g, err
			}
			r.current++
		}
		if len(r.unread) == 0 {
			return nil, nil
		}
		if err := r.openNext(); err != nil {
			return nil, err
		}
	}
}

// openNext goes on to the next file of a source that does not follow.
func (r *lineFiles) openNext() error {
	if err := r.close(); err != nil {
		return err
	}
	path := r.unread[0]
	r.unread = r.unread[1:]
	t, err := r.openTail(path)
	if err != nil {
		return r.skip(path, err)
	}
	if r.opened[t.identity] {
		return t.close()
	}
	r.opened[t.identity] = true
	r.tails, r.current = []*tail{t}, 0
	return nil
}

// skip leaves out one of many files that cannot be read; one that is named must
// be.
func (r *lineFiles) skip(path string, err error) error {
	if !isGlob(r.Path.Source) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !r.failing[path] {
		r.env.Log.Error("file is left out", slog.String("path", path), slog.Any("error", err))
	}
	r.failing[path] = true
	return nil
}

// follow opens new files, and looks how far the others go.
func (r *lineFiles) follow(paths []string) error {
	open := make(map[identity]int, len(r.tails))
	for i, t := range r.tails {
		open[t.identity.present()] = i
	}
	seen := make([]bool, len(r.tails), len(r.tails)+len(paths))
	for _, path := range paths {
		info, err := r.found.stat(path)
		if err != nil {
			continue // it went meanwhile
		}
		if i, ok := open[identityOf(path, info)]; ok {
			seen[i] = true
			if err := r.grow(i, path, info); err != nil {
				return err
			}
			continue
		}
		if !r.complete(path, info) {
			continue
		}
		t, err := r.openTail(path)
		if err != nil {
			if err := r.skip(path, err); err != nil {
				return err
			}
			continue
		}
		delete(r.failing, path)
		open[t.identity.present()] = len(r.tails)
		r.tails, seen = append(r.tails, t), append(seen, true)
	}
	r.current = 0
	return r.forsake(seen)
}

// grow takes notice of how far a file goes now, and what it is called.
func (r *lineFiles) grow(i int, path string, info fs.FileInfo) (err error) {
	t := r.tails[i]
	t.missing, t.final = time.Time{}, false
	now := stampOf(info)
	renamed := path != t.path && now.Size == t.stamp.Size && now.Modified == t.stamp.Modified
	t.name(path)
	if t.zipped && !renamed {
		return r.regrow(i, path, info)
	}
	if !renamed && t.rewritten(info) {
		if t, err = t.anew(); err != nil {
			return err
		}
		r.tails[i] = t
	}
	t.looked(info)
	return nil
}

// forsake reads on files that are not where they were, and lets go of those that
// nobody has written for a while. It keeps which file is the oldest that is left,
// so that one which is rotated while no process runs is found again.
func (r *lineFiles) forsake(seen []bool) error {
	kept := r.tails[:0]
	for i, t := range r.tails {
		if !seen[i] {
			gone, err := t.away()
			if err != nil {
				return err
			}
			if gone {
				continue
			}
		}
		kept = append(kept, t)
	}
	clear(r.tails[len(kept):])
	r.tails = kept
	if len(kept) == 0 || isGlob(r.Path.Source) {
		return nil
	}
	if first := kept[0].identity.lasting(); first != r.first {
		r.first = first
		r.keep(r.nameKey(), []byte(first))
	}
	return nil
}

// away looks at a file that has lost its name. It reports whether that was the
// last time.
func (t *tail) away() (gone bool, err error) {
	info, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	now := time.Now()
	if t.missing.IsZero() || info.Size() > t.limit {
		t.missing, t.limit = now, info.Size()
		return false, nil
	}
	switch {
	case now.Sub(t.missing) < rotateWait:
		return false, nil
	case !t.final: // its last line is read as it is
		t.final = true
		return false, nil
	case t.window.Len() > 0:
		return false, nil
	case deleted(info):
		t.source.keep(t.key, nil)
	}
	return true, t.close()
}

// openRotated opens the file that was at the path when it was followed last, if it
// has another name in the same folder now. A glob finds it by itself, or does not
// want it.
func (r *lineFiles) openRotated() error {
	if isGlob(r.Path.Source) {
		return nil
	}
	was, err := r.kept(r.nameKey())
	if err != nil || was == nil {
		return err
	}
	folder := filepath.Dir(r.Path.Source)
	entries, _ := os.ReadDir(folder) // where nothing can be listed, nothing is found
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(folder, e.Name())
		if !strings.HasPrefix(string(was), identityOf(path, info).inodePrefix()) {
			continue
		}
		t, err := r.openTail(path)
		switch {
		case err != nil:
		case t.identity.lasting() != string(was):
			t.close()
		default:
			r.tails = append(r.tails, t) // follow sees whether it has the name still
		}
	}
	return nil
}

func (r *lineFiles) nameKey() string { return r.key("at " + absolute(r.Path.Source)) }

func (r *lineFiles) close() error {
	var err error
	for _, t := range r.tails {
		err = errors.Join(err, t.close())
	}
	r.tails = nil
	return err
}
