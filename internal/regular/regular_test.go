//go:build unix

package regular_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/eipd/eipd/internal/regular"
)

// TestOpen tries every kind of thing that a name can have.
func TestOpen(t *testing.T) {
	var kind *regular.KindError
	var link *regular.LinkError
	for _, c := range []struct {
		name string
		made func(t *testing.T, dir string)
		open string
		want any // a string: its content; else the error's type
	}{
		{"a file", write("f"), "f", "f"},
		{"a named pipe", fifo("f"), "f", &kind},
		{"a folder", folder("f", 0o755), "f", &kind},
		{"a folder with its slash", folder("f", 0o755), "f/", &kind},
		{"a socket", socket("f"), "f", &kind},
		{"nothing", nothing, "f", fs.ErrNotExist},
		{"a device", lay("f", "/dev/zero"), "f", &kind},
		{"what the system makes up", nothing, "/proc/self/environ", &kind},
		{"a link to what the system makes up", lay("f", "/proc/self/environ"), "f", &kind},
		{"a link to a named pipe", both(fifo("p"), lay("f", "p")), "f", &kind},
		{"a link of one's own", both(folder("in", 0o755), write("out"), lay("in/f", "../out")), "in/f", "out"},
		{"a link to a link", both(folder("in", 0o755), write("out"), lay("mid", "out"), lay("in/f", "../mid")), "in/f", "out"},
		{"a link of others", both(folder("in", 0o777), write("out"), lay("in/f", "../out")), "in/f", &link},
		{"a link of the group", both(folder("in", 0o775), write("out"), lay("in/f", "../out")), "in/f", groupLink(&link)},
		{"a link of others in a sticky folder", both(folder("in", 0o777|fs.ModeSticky), write("out"), lay("in/f", "../out"), give("in/f")), "in/f", stickyLink(&link)},
		{"a link of one's own in a sticky folder", both(folder("in", 0o777|fs.ModeSticky), write("out"), lay("in/f", "../out")), "in/f", "out"},
		{"a link of others in one's own", both(folder("in", 0o777), write("out"), lay("in/f", "../out"), lay("f", "in/f")), "f", &link},
		{"a link of others within", both(folder("in", 0o777), write("in/g"), lay("in/f", "g")), "in/f", "in/g"},
		{"a link to itself", lay("f", "f"), "f", errors.New("")},
		{"a folder that is a link", both(folder("real", 0o777), write("real/f"), lay("in", "real")), "in/f", "real/f"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.made(t, dir)
			path := c.open
			if !filepath.IsAbs(path) {
				path = dir + "/" + path
			}
			b, err := regular.ReadFile(path, 1<<10)
			switch want := c.want.(type) {
			case string:
				if err != nil || string(b) != want {
					t.Errorf("read %q, %v; want %q", b, err, want)
				}
			case **regular.KindError:
				if !errors.As(err, want) {
					t.Errorf("read %q, %v; want a KindError", b, err)
				}
			case **regular.LinkError:
				if !errors.As(err, want) {
					t.Errorf("read %q, %v; want a LinkError", b, err)
				}
			case error:
				if err == nil || errors.Is(want, fs.ErrNotExist) && !errors.Is(err, want) {
					t.Errorf("read %q, %v; want %v", b, err, want)
				}
			}
		})
	}
}

// TestOpen_Swapped changes what a name stands for while it is opened: nothing is
// ever opened but the file, and nobody waits.
func TestOpen_Swapped(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		next := filepath.Join(dir, "next")
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			switch i % 3 {
			case 0:
				_ = os.WriteFile(next, []byte("content"), 0o600)
			case 1:
				_ = syscall.Mkfifo(next, 0o600)
			case 2:
				_ = os.Symlink(secret, next)
			}
			_ = os.Rename(next, path)
		}
	}()
	for range 5000 {
		if b, err := regular.ReadFile(path, 100); err == nil && string(b) == "secret" {
			t.Fatal("a link that others laid was followed")
		}
	}
	close(stop)
	<-stopped
}

func TestReadFile_Limit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := regular.ReadFile(path, 5); err != nil || string(b) != "12345" {
		t.Errorf("read %q, %v", b, err)
	}
	var size *regular.SizeError
	if _, err := regular.ReadFile(path, 4); !errors.As(err, &size) {
		t.Errorf("read with %v, want a SizeError", err)
	}
}

type made func(t *testing.T, dir string)

func nothing(*testing.T, string) {}

func both(all ...made) made {
	return func(t *testing.T, dir string) {
		for _, m := range all {
			m(t, dir)
		}
	}
}

func write(name string) made {
	return func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600)) }
}

func lay(name, target string) made {
	return func(t *testing.T, dir string) { must(t, os.Symlink(target, filepath.Join(dir, name))) }
}

func fifo(name string) made {
	return func(t *testing.T, dir string) { must(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600)) }
}

func folder(name string, mode fs.FileMode) made {
	return func(t *testing.T, dir string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
}

func socket(name string) made {
	return func(t *testing.T, dir string) {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		must(t, err)
		t.Cleanup(func() { l.Close() })
	}
}

// give makes a file another user's, where this one may.
func give(name string) made {
	return func(t *testing.T, dir string) {
		if os.Geteuid() == 0 {
			must(t, os.Lchown(filepath.Join(dir, name), 4711, 4711))
		}
	}
}

func stickyLink(link **regular.LinkError) any {
	if os.Geteuid() != 0 {
		return "out" // it could not be given away
	}
	return link
}

// groupLink is what a link in a folder of the group gives: where the group is the
// user's own, it is followed.
func groupLink(link **regular.LinkError) any {
	if os.Geteuid() != 0 && os.Geteuid() == os.Getegid() {
		return "out"
	}
	return link
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
