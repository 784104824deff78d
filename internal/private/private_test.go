//go:build unix

package private_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/private"
)

// TestFolder tries folders that others could change in every way there is.
func TestFolder(t *testing.T) {
	for _, c := range []struct {
		name string
		made func(t *testing.T, dir string)
		path string
		want string // in the error; "": none
	}{
		{"missing", func(*testing.T, string) {}, "a/b", ""},
		{"one's own", mkdir("a", 0o700), "a", ""},
		{"one that others may read", mkdir("a", 0o755), "a", ""},
		{"one that all may write", mkdir("a", 0o777), "a", "chmod go-w"},
		{"one that the group may write", mkdir("a", 0o770), "a", "chmod go-w"},
		{"one that others may write", mkdir("a", 0o702), "a", "chmod go-w"},
		{"a sticky one", mkdir("a", 0o777|fs.ModeSticky), "a", "chmod go-w"},
		{"in one that all may write", mkdir("a", 0o777), "a/b", "chmod go-w"},
		{"far below one that all may write", mkdir("a", 0o777), "a/b/c/d", "chmod go-w"},
		{"in a sticky one", mkdir("a", 0o777|fs.ModeSticky), "a/b", ""},
		{"by a link", both(mkdir("a", 0o700), link("b", "a")), "b", ""},
		{"by a link in one that all may write", both(mkdir("a", 0o777), mkdir("c", 0o700), link("a/b", "../c")), "a/b", "chmod go-w"},
		{"by a link to one that all may write", both(mkdir("a", 0o777), link("b", "a/c")), "b", "chmod go-w"},
		{"up through a link", both(mkdir("a", 0o777), mkdir("a/x", 0o700), link("b", "a/x")), "b/../y", "chmod go-w"},
		{"a file", func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o600)) }, "a", "no folder"},
		{"a link to itself", link("a", "a"), "a", "too many"},
		{"of another user", both(mkdir("a", 0o700), chown("a")), "a", "chown"},
		{"in one of another user", both(mkdir("a", 0o755), chown("a")), "a/b", "chown"},
		{"by another user's link in a sticky one", both(mkdir("a", 0o777|fs.ModeSticky), mkdir("c", 0o700), link("a/b", "../c"), chown("a/b")), "a/b", "chown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.made(t, dir)
			err := private.Folder(dir + "/" + c.path)
			var refused *private.Error
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want a refusal with %q", err, c.want)
			}
		})
	}
}

func mkdir(name string, mode fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
}

func link(name, target string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Symlink(target, filepath.Join(dir, name))) }
}

func chown(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give files away")
		}
		must(t, os.Lchown(filepath.Join(dir, name), 4711, 4711))
	}
}

func both(all ...func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, m := range all {
			m(t, dir)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
