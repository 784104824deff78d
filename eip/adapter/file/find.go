package file

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/eipd/eipd/internal/regular"
)

// isGlob tells a glob from a file's name. A file that has just that name wins.
func isGlob(path string) bool {
	if !strings.ContainsAny(path, `*?[{`) {
		return false
	}
	_, err := os.Lstat(path)
	return err != nil
}

// A listing is the files that a path or glob names. The folder before the first
// wildcard is believed; what is found below it may be anybody's, and leads nowhere
// else.
type listing struct {
	paths []string // sorted
	root  *os.Root // of a glob
	links []string // that lead out of root, or nowhere
}

// find lists the regular files that there are now. Like in a shell, names that begin
// with a dot must be asked for.
func find(path string) (l listing, err error) {
	path = filepath.Clean(path)
	if !isGlob(path) {
		switch info, err := os.Stat(path); {
		case err != nil:
			return l, err
		case info.IsDir():
			return l, fmt.Errorf("%s is a folder; for the files in it write %q", path, filepath.Join(path, "*"))
		case !info.Mode().IsRegular():
			return l, fmt.Errorf("%s is no regular file; for pipes there are the adapters stdio and exec", path)
		}
		return listing{paths: []string{path}}, nil
	}
	base, pattern := doublestar.SplitPattern(filepath.ToSlash(path))
	l.root, err = os.OpenRoot(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil
	case err != nil:
		return l, err
	}
	// Links to folders are not entered by **, for they may lead in a circle.
	found, err := doublestar.Glob(l.root.FS(), pattern, doublestar.WithFilesOnly(), doublestar.WithNoFollow())
	if err != nil {
		l.close()
		return l, fmt.Errorf("glob %s: %w", path, err)
	}
	asked := strings.HasPrefix(path, ".") || strings.Contains(path, "/.")
	for _, name := range found {
		if !asked && (strings.HasPrefix(name, ".") || strings.Contains(name, "/.")) {
			continue
		}
		path := filepath.Join(base, name)
		if info, err := l.root.Stat(name); err == nil && info.Mode().IsRegular() {
			l.paths = append(l.paths, path)
		} else if info, lost := l.root.Lstat(name); err != nil && lost == nil && info.Mode()&fs.ModeSymlink != 0 {
			l.links = append(l.links, path)
		}
	}
	slices.Sort(l.paths)
	return l, nil
}

// below is what root calls a file that was found.
func (l *listing) below(path string) string {
	name, _ := filepath.Rel(l.root.Name(), path)
	return name
}

func (l *listing) stat(path string) (fs.FileInfo, error) {
	if l.root == nil {
		return os.Stat(path)
	}
	return l.root.Stat(l.below(path))
}

func (l *listing) open(path string) (*os.File, error) {
	if l.root == nil {
		return regular.Open(path)
	}
	return regular.In(l.root, l.below(path), os.O_RDONLY, 0)
}

func (l *listing) close() {
	if l.root != nil {
		l.root.Close()
	}
}

// An identity tells files apart, whatever their names are.
type identity struct {
	device, inode uint64
	born          int64 // nanoseconds; 0 where the system does not say
}

// lasting is what of the identity stays over restarts: device numbers do not.
func (id identity) lasting() string { return id.inodePrefix() + strconv.FormatInt(id.born, 16) }

func (id identity) inodePrefix() string { return strconv.FormatUint(id.inode, 16) + "-" }

// present tells files apart that are there at the same time, without opening them.
func (id identity) present() identity { return identity{device: id.device, inode: id.inode} }

func nameIdentity(path string) identity {
	h := fnv.New64a()
	io.WriteString(h, path)
	return identity{inode: h.Sum64()}
}

// identify tells which file is open.
func identify(f *os.File) (identity, fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, nil, err
	}
	id := identityOf(f.Name(), info)
	id.born = bornAt(f)
	return id, info, nil
}
