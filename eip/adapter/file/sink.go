package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/internal/regular"
)

// lineFile is the file that lines are appended to. Several may write one file, in
// this process and in others: each write is whole lines.
type lineFile struct {
	name string   // for errors
	root *os.Root // of a file that a message has named
	path string   // below root, if there is one
	file *os.File
	info os.FileInfo
	torn bool // it may end in the middle of a line
	sync bool
}

func openLineFile(f *lineFile) (*stream.Writer, error) {
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	t := stream.Target{Name: f.name, AppendTo: stream.AppendLine, Write: f.write, Close: func() error { return f.file.Close() }}
	if f.sync {
		t.Flush = func() error { return f.file.Sync() }
	}
	return stream.NewWriter(t), nil
}

// open opens the file for appending. A last line that lacks its end, as a process
// leaves that dies while it writes, is ended before the next.
func (f *lineFile) open() error {
	folder := filepath.Dir(f.path)
	mkdir := os.MkdirAll
	if f.root != nil {
		mkdir = f.root.MkdirAll
	}
	if err := mkdir(folder, 0o777); err != nil {
		return err
	}
	file, err := f.openAs(os.O_APPEND | os.O_CREATE | os.O_WRONLY)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		f.torn, err = f.endsTorn(info)
	}
	if err == nil && f.sync {
		err = syncFolder(f.root, folder)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if f.file != nil {
		f.file.Close()
	}
	f.file, f.info = file, info
	return nil
}

func (f *lineFile) openAs(flag int) (*os.File, error) {
	if f.root != nil {
		return regular.In(f.root, f.path, flag, 0o666)
	}
	return regular.OpenFile(f.path, flag, 0o666)
}

func (f *lineFile) stat() (os.FileInfo, error) {
	if f.root != nil {
		return f.root.Stat(f.path)
	}
	return os.Stat(f.path)
}

// syncFolder makes the names in a folder, which may be below a root, last.
func syncFolder(root *os.Root, path string) error {
	open := os.Open
	if root != nil {
		open = root.Open
	}
	folder, err := open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// endsTorn reports whether the file ends in the middle of a line.
func (f *lineFile) endsTorn(info os.FileInfo) (bool, error) {
	if info.Size() == 0 {
		return false, nil
	}
	file, err := f.openAs(os.O_RDONLY)
	if errors.Is(err, os.ErrPermission) {
		return false, nil // it may be written and not read
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	last := []byte{'\n'}
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// write appends whole lines by one write. A file that was moved or deleted
// meanwhile, by a rotation of logs say, is made anew.
func (f *lineFile) write(p []byte) (int, error) {
	if info, err := f.stat(); err != nil || !os.SameFile(info, f.info) {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	extra := 0
	if f.torn {
		p, extra = append([]byte{'\n'}, p...), 1
	}
	n, err := f.file.Write(p)
	if n > 0 {
		f.torn = p[n-1] != '\n'
	}
	return max(0, n-extra), err
}
