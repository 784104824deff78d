package file

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/stats"
)

// Of the files that messages name, so many are open; the one that was not written
// for longest is closed for another, and those that nobody has written for a while
// when another is opened.
const (
	maxOpenFiles = 64
	idleFile     = time.Minute
)

// linesSink appends each message to the file that it names.
type linesSink struct {
	*rooted
	sync    bool
	traffic *stats.Traffic

	mu     sync.Mutex
	files  map[string]*list.Element // of *namedFile
	recent *list.List               // the one that was written last is at the front
	closed bool
}

type namedFile struct {
	*stream.Writer
	name  string
	users int // who are in Handle
	used  time.Time
}

func openLinesSink(a *Adapter) (*linesSink, error) {
	r, err := a.openRooted()
	if err != nil {
		return nil, err
	}
	return &linesSink{rooted: r, sync: a.Sync, files: map[string]*list.Element{}, recent: list.New()}, nil
}

// ConfirmTo has t told of what is written.
func (s *linesSink) ConfirmTo(t *stats.Traffic) { s.traffic = t }

// Handle keeps what is to be written of m, and waits only for room and for a file to
// be opened.
func (s *linesSink) Handle(ctx context.Context, m *eip.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, name, err := s.name(ctx, m)
	if err != nil {
		return err
	}
	f, err := s.use(name)
	if err != nil {
		return writeError(path, err)
	}
	defer s.leave(f)
	return f.Handle(ctx, m)
}

// use returns the file of that name, opened.
func (s *linesSink) use(name string) (*namedFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, eip.ErrClosed
	}
	e := s.files[name]
	if e == nil {
		if err := s.makeRoom(); err != nil {
			return nil, err
		}
		w, err := openLineFile(&lineFile{name: filepath.Join(s.prefix, name), root: s.root, path: name, sync: s.sync})
		if err != nil {
			return nil, err
		}
		w.ConfirmTo(s.traffic)
		e = s.recent.PushFront(&namedFile{Writer: w, name: name})
		s.files[name] = e
	}
	s.recent.MoveToFront(e)
	f := e.Value.(*namedFile)
	f.users++
	f.used = time.Now()
	return f, nil
}

func (s *linesSink) leave(f *namedFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.users--
}

// makeRoom closes files, each when what it was given is written.
func (s *linesSink) makeRoom() (err error) {
	for e := s.recent.Back(); e != nil; {
		f, before := e.Value.(*namedFile), e.Prev()
		if s.recent.Len() < maxOpenFiles && time.Since(f.used) < idleFile {
			break
		}
		if f.users == 0 {
			s.recent.Remove(e)
			delete(s.files, f.name)
			err = errors.Join(err, f.Close())
		}
		e = before
	}
	if err == nil && s.recent.Len() >= maxOpenFiles {
		err = fmt.Errorf("%d files are being written", maxOpenFiles)
	}
	return err
}

// Close writes what the files were given.
func (s *linesSink) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, e := range s.files {
		err = errors.Join(err, e.Value.(*namedFile).Close())
	}
	clear(s.files)
	return errors.Join(err, s.root.Close())
}
