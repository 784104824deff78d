package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/eipd/eipd/internal/private"
	"github.com/eipd/eipd/internal/regular"
)

// The buckets of a file, beside one for the messages of each log.
var (
	channelsBucket   = []byte("channels")   // log number: Spec
	positionsBucket  = []byte("positions")  // an adapter's key: its value
	quarantineBucket = []byte("quarantine") // log number, message number: the damaged record
	statesBucket     = []byte("states")     // a space's name: its number
	logPrefix        = "q"                  // and the log's number
)

const (
	// pageSize holds a dozen messages of 1 KiB. It was the best of those measured:
	// fewer pages to write and to list as free, and little more to write for a
	// single message.
	pageSize = 16 << 10
	// lockWait is how long another process may take to end.
	lockWait = 2 * time.Second
	lockPoll = 20 * time.Millisecond
)

// ErrInUse is why a directory cannot be opened that somebody has open.
var ErrInUse = errors.New("is in use, by another process or another broker of this one")

// openStore opens the file at path, and makes it where it is missing.
func openStore(path string, log *slog.Logger) (*fileStore, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	dir := filepath.Dir(path)
	if err := private.Folder(dir); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	s := &fileStore{path: path, log: log, logs: map[specKey]*fileLog{}, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{})}
	s.state = &state{s: s, spaces: map[string]*space{}}
	s.adapt(0)
	err := s.open()
	switch {
	case errors.Is(err, ErrInUse), errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("the data directory %s %w: end that, or choose another directory by --data-dir or by the URL, embedded:DIR", dir, ErrInUse)
	case errors.As(err, new(*fs.PathError)): // it may be well, and cannot be reached
		return nil, fmt.Errorf("%s cannot be used: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be used: %w. Nothing in it was changed; restore it from a backup, or move it away to start with nothing", path, err)
	}
	removeLeft(dir)
	go s.run()
	return s, nil
}

// tempPattern is of folders in which files are made that then take their place.
const tempPattern = ".new-*"

// removeLeft removes such folders of processes that ended half way.
func removeLeft(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, tempPattern))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(path)
		}
	}
}

// create makes a store with nothing in it, all at once: a process that ends half
// way leaves no half of a store.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.MkdirTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	made := filepath.Join(temp, filepath.Base(path))
	db, err := bbolt.Open(made, 0o600, &bbolt.Options{PageSize: pageSize, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{channelsBucket, positionsBucket, quarantineBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	// A link never takes the place of a file that another process made meanwhile.
	if err := os.Link(made, path); err != nil && !errors.Is(err, fs.ErrExist) {
		if err = os.Rename(made, path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// open locks, checks and loads the file.
func (s *fileStore) open() (err error) {
	defer contain(&err)
	stale, err := s.openFile()
	if err != nil {
		return err
	}
	if stale {
		s.log.Error("one of the two meta pages was damaged: if there was no power failure, what was written last may be missing", "file", s.path)
	}
	if s.isNearlyEmpty() {
		if err := s.shrink(); err != nil {
			return errors.Join(err, s.file.Close())
		}
		if _, err = s.openFile(); err != nil {
			return err
		}
	}
	if err := s.load(); err != nil {
		return errors.Join(err, s.db.Close())
	}
	unmapCache(s.db) // bbolt has looked at all of it
	return nil
}

func (s *fileStore) openFile() (stale bool, err error) {
	s.db, err = bbolt.Open(s.path, 0o600, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
		// The list of free pages is not written with each transaction: it would be
		// larger than the transaction once a deep queue has drained. It is written
		// when the file is closed, and else found again from the pages in use.
		NoFreelistSync: true,
		OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := openLocked(path, flag, mode)
			if err != nil {
				return nil, err
			}
			if stale, err = s.check(f); err != nil {
				f.Close()
				return nil, err
			}
			s.file = f
			return f, nil
		},
	})
	return stale, err
}

// openLocked opens a file that no other process has, and waits a little for one
// that is about to end.
func openLocked(path string, flag int, mode os.FileMode) (*os.File, error) {
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		f, err := os.OpenFile(path, flag, mode)
		if err != nil {
			return nil, err
		}
		ok, err := tryLock(f)
		if ok && isStill(f, path) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, ErrInUse
		}
	}
}

// isStill reports whether f is the file at path: it is not where another process
// has put a smaller one in its place meanwhile.
func isStill(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

func (s *fileStore) check(f *os.File) (stale bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if stale, err = verify(f, info.Size(), s.wasClosed); err != nil {
		return false, fmt.Errorf("it is damaged: %w", err)
	}
	return stale, nil
}

// closedPath is a file beside a store's that holds the checksum of the meta page with
// which that was closed in order.
func closedPath(file string) string { return file + ".closed" }

// noteClosed writes that file. Without it, all is verified when the store is opened.
func (s *fileStore) noteClosed() {
	if m, _, err := readMeta(s.file, 0); err == nil {
		_ = os.WriteFile(closedPath(s.path), strconv.AppendUint(nil, m.sum, 16), 0o600)
	}
}

// wasClosed reports whether the file was closed with that meta page.
func (s *fileStore) wasClosed(m meta) bool {
	text, err := regular.ReadFile(closedPath(s.path), 16)
	return err == nil && string(text) == strconv.FormatUint(m.sum, 16)
}

// contain turns a panic of bbolt, or a fault in the memory that it maps, into an
// error.
func contain(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it is damaged: %v", p)
	}
}

// guarded calls f so that a fault in mapped memory is a panic, and a panic is an
// error.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer contain(&err)
	return f()
}
