// Package regular opens files that others may have made: only regular ones, which
// never make anybody wait, and never by a symbolic link that others have laid.
package regular

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/eipd/eipd/internal/private"
)

// A KindError says what a path names that is no regular file.
type KindError struct {
	Path string
	Kind string // "a folder", "a named pipe"
}

func (e *KindError) Error() string { return fmt.Sprintf("%s is %s, no regular file", e.Path, e.Kind) }

// A LinkError says that a symbolic link leads out of the folder that it is in.
type LinkError struct{ Path, Folder string }

func (e *LinkError) Error() string {
	return fmt.Sprintf("%s is not followed: a symbolic link leads out of %s, and others may have laid it; name the file itself", e.Path, e.Folder)
}

// A SizeError says that a file has more bytes than it may.
type SizeError struct {
	Path  string
	Limit int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has more than the %d bytes that are read of it", e.Path, e.Limit)
}

// maxLinks is how many symbolic links are followed, as Linux does.
const maxLinks = 40

// Open opens the file at path for reading.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile opens the file at path, whose folders are believed. A file that is a
// symbolic link is followed within its folder, and out of one that only this user
// and root may write to.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	for range maxLinks {
		f, target, err := step(path, flag, perm, true)
		if target == "" {
			return f, err
		}
		path = target
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("too many symbolic links")}
}

// OpenInside opens the file at path, whose folders are believed, but not what is in
// them, as where a stranger has packed it. A symbolic link is followed only within its
// folder.
func OpenInside(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, _, err := step(path, flag, perm, false)
	return f, err
}

// step opens the file; or, to follow a trusted link, returns where that leads.
func step(path string, flag int, perm fs.FileMode, follow bool) (f *os.File, target string, err error) {
	folder, name := filepath.Split(path)
	if name == "" {
		return nil, "", &KindError{path, "a folder"}
	}
	root, err := os.OpenRoot(cmp.Or(folder, "."))
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	if follow {
		target = trustedLink(root, name)
	}
	if target != "" {
		if !filepath.IsAbs(target) {
			target = folder + target
		}
		return nil, target, nil
	}
	f, err = In(root, name, flag, perm)
	return f, "", err
}

// trustedLink returns where a link leads that nobody else can have laid.
func trustedLink(root *os.Root, name string) string {
	folder, err := root.Stat(".")
	if err != nil || private.Shared(folder) || !own(folder) {
		return ""
	}
	if link, err := root.Lstat(name); err != nil || !own(link) { // the folder may be sticky
		return ""
	}
	target, _ := root.Readlink(name)
	return target
}

func own(info fs.FileInfo) bool {
	uid := private.Owner(info)
	return uid == private.Me() || uid == 0
}

// In opens a file below root. A symbolic link is followed only to what is below
// root too.
func In(root *os.Root, name string, flag int, perm fs.FileMode) (*os.File, error) {
	path := filepath.Join(root.Name(), name)
	if info, err := root.Stat(name); err == nil { // opening a pipe or a device does something to it
		if err := check(path, info); err != nil {
			return nil, err
		}
	}
	f, err := root.OpenFile(name, flag|syscall.O_NONBLOCK|syscall.O_NOCTTY, perm)
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return nil, &fs.PathError{Op: "open", Path: path, Err: number}
	case err != nil:
		return nil, &LinkError{path, root.Name()}
	}
	info, err := f.Stat()
	if err == nil {
		err = check(path, info)
	}
	if err == nil && made(f) {
		err = &KindError{path, "made up by the system while it is read"}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func check(path string, info fs.FileInfo) error {
	kind := ""
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	default:
		kind = "a device"
	}
	return &KindError{path, kind}
}

// ReadFile reads the file at path, which may have limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	return read(f, err, limit)
}

// ReadInside reads the file at path as OpenInside opens it.
func ReadInside(path string, limit int64) ([]byte, error) {
	f, err := OpenInside(path, os.O_RDONLY, 0)
	return read(f, err, limit)
}

func read(f *os.File, err error, limit int64) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, limit)
}

// ReadAll reads the rest of f, which may have limit bytes.
func ReadAll(f *os.File, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, &SizeError{f.Name(), limit}
	}
	return b, err
}
