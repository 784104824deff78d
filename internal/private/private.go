// Package private tells whether a folder is its owner's alone, so that nobody else
// can read a secret there, or put something of his own in its place.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An Error says who else could change what is at a path, and what to do.
type Error struct{ Path, Why, Do string }

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", e.Path, e.Why, e.Do) }

// maxLinks is how many symbolic links are followed, as Linux does.
const maxLinks = 40

// Folder makes a folder where it is missing, and refuses one that is not this
// user's alone.
func Folder(path string) error {
	if err := Check(path, Me()); err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil || !known(info) {
		return err
	}
	if uid := Owner(info); uid != Me() {
		return foreign(path, uid, Me())
	}
	if info.Mode()&0o022 != 0 {
		return writable(path, info)
	}
	return nil
}

// Check refuses a path where somebody who is neither root nor the owner could put
// something else in place of the folder, or of one that it is in. What is missing
// can be made, and is well.
func Check(path string, owner int) error {
	abs := path // not cleaned: after a link, .. is another folder
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return err
		}
		abs = here + string(filepath.Separator) + path
	}
	at, left := filepath.VolumeName(abs)+string(filepath.Separator), elements(abs)
	for links := 0; ; {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !known(info):
			return nil
		}
		if uid := Owner(info); uid != owner && uid != 0 {
			return foreign(at, uid, owner)
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return &Error{at, "leads through too many symbolic links", "name the folder itself"}
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			left = append(elements(target), left...)
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = string(filepath.Separator)
			}
		case !info.IsDir():
			return &Error{at, "is no folder", "name a folder"}
		case Shared(info):
			return writable(at, info)
		}
		for len(left) > 0 && left[0] == ".." {
			at, left = filepath.Dir(at), left[1:]
		}
		if len(left) == 0 {
			return nil
		}
		at, left = filepath.Join(at, left[0]), left[1:]
	}
}

func elements(path string) []string {
	return strings.FieldsFunc(path[len(filepath.VolumeName(path)):], func(r rune) bool { return os.IsPathSeparator(uint8(r)) })
}

// Shared reports whether others than a folder's owner can put something else in
// place of what is in it. A sticky folder keeps what is there for who made it.
func Shared(info fs.FileInfo) bool {
	writers := info.Mode() & 0o022
	if privateGroup(info) {
		writers &^= 0o020
	}
	return writers != 0 && info.Mode()&fs.ModeSticky == 0
}

func foreign(path string, uid, owner int) error {
	return &Error{path, fmt.Sprintf("belongs to user %d, not to user %d", uid, owner),
		fmt.Sprintf("give it away (chown %d %s), or name another folder", owner, path)}
}

func writable(path string, info fs.FileInfo) error {
	return &Error{path, fmt.Sprintf("can be written by others (mode %04o)", info.Mode().Perm()),
		fmt.Sprintf("take that away (chmod go-w %s), or name another folder", path)}
}
