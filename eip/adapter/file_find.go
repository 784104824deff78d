package adapter

import (
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
)

// isGlob tells a glob from a file's name. A file that has just that name wins.
func isGlob(path string) bool {
	if !strings.ContainsAny(path, `*?[{`) {
		return false
	}
	_, err := os.Lstat(path)
	return err != nil
}

// find returns the regular files that a path or glob names now, sorted by name.
// Like in a shell, names that begin with a dot must be asked for.
func find(path string) ([]string, error) {
	path = filepath.Clean(path)
	if !isGlob(path) {
		switch info, err := os.Stat(path); {
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, fmt.Errorf("%s is a folder; for the files in it write %q", path, filepath.Join(path, "*"))
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is no regular file; for pipes there are the adapters stdio and exec", path)
		}
		return []string{path}, nil
	}
	found, err := doublestar.FilepathGlob(path, doublestar.WithFilesOnly())
	if err != nil {
		return nil, fmt.Errorf("glob %s: %w", path, err)
	}
	asked := strings.HasPrefix(path, ".") || strings.Contains(path, "/.")
	base, _ := doublestar.SplitPattern(filepath.ToSlash(path))
	found = slices.DeleteFunc(found, func(name string) bool {
		return !asked && hidden(name, base) || !regular(name)
	})
	slices.Sort(found)
	return found, nil
}

// hidden reports whether a name below base begins with a dot.
func hidden(name, base string) bool {
	if below, err := filepath.Rel(base, name); err == nil {
		name = below
	}
	return strings.HasPrefix(name, ".") || strings.Contains(filepath.ToSlash(name), "/.")
}

func regular(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
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
	if !info.Mode().IsRegular() {
		return identity{}, nil, fmt.Errorf("%s is no regular file", f.Name())
	}
	id := identityOf(f.Name(), info)
	id.born = bornAt(f)
	return id, info, nil
}
