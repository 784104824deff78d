package control_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/private"
)

const stranger = 4711

// listenAs opens a socket as a user, in whose place only root can be.
func listenAs(t *testing.T, uid int, path string) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	become := func(uid int) {
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
			t.Fatal(e)
		}
	}
	become(uid)
	l, err := net.Listen("unix", path)
	become(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

func folder(t *testing.T, mode fs.FileMode, owner int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode))
	if os.Geteuid() == 0 { // others must get there
		above := filepath.Dir(dir)
		err = errors.Join(err, os.Chmod(above, 0o711), os.Chmod(filepath.Dir(above), 0o711), os.Chown(dir, owner, owner))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A socket where others could put their own is neither opened nor asked.
func TestSocket_WhereOthersMayWrite(t *testing.T) {
	p, _, _ := run(t, marking)
	for _, c := range []struct {
		name  string
		mode  fs.FileMode
		below string
		fine  bool
	}{
		{"one's own", 0o700, "", true},
		{"one that others may read", 0o755, "", true},
		{"a sticky one", 0o777 | fs.ModeSticky, "", true},
		{"one that all may write", 0o777, "", false},
		{"below one that all may write", 0o777, "x/y", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.mode, os.Geteuid())
			path := filepath.Join(dir, c.below, "s")
			var refused *private.Error
			err := p.Control().ServeSocket(path)
			if c.fine && err != nil || !c.fine && (!errors.As(err, &refused) || !strings.Contains(err.Error(), "chmod go-w "+dir)) {
				t.Errorf("serves with %v", err)
			}
			if !c.fine { // somebody else is there
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				l, err := net.Listen("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
			client, err := control.DialSocket(path)
			if c.fine && err != nil || !c.fine && !errors.As(err, &refused) {
				t.Errorf("asks with %v", err)
			}
			if err == nil {
				client.Close()
			}
		})
	}
}

// A squatter's socket is not asked; a service's is, by root.
func TestSocket_OfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	p, _, _ := run(t, marking)
	give := func(t *testing.T, path string) {
		if err := os.Chown(path, stranger, stranger); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		dir    func(t *testing.T) string
		listen func(t *testing.T, path string)
		want   string // "": it is asked
	}{
		{"a service's in its own folder",
			func(t *testing.T) string { return folder(t, 0o700, stranger) },
			func(t *testing.T, path string) { listenAs(t, stranger, path) }, ""},
		{"a squatter's in a sticky folder",
			func(t *testing.T) string { return folder(t, 0o777|fs.ModeSticky, 0) },
			func(t *testing.T, path string) { listenAs(t, stranger, path) }, "belongs to user 4711"},
		{"a squatter's in root's folder",
			func(t *testing.T) string { return folder(t, 0o700, 0) },
			func(t *testing.T, path string) { listenAs(t, 0, path); give(t, path) }, "belongs to user 4711"},
		{"one that is not served by its owner",
			func(t *testing.T) string { return folder(t, 0o700, stranger) },
			func(t *testing.T, path string) { listenAs(t, 0, path); give(t, path) }, "is served by user 0"},
		{"in a folder of somebody who is not its owner",
			func(t *testing.T) string { return folder(t, 0o700, stranger+1) },
			func(t *testing.T, path string) { listenAs(t, 0, path); give(t, path) }, "belongs to user 4711"},
		{"root's in another's folder",
			func(t *testing.T) string { return folder(t, 0o700, stranger) },
			func(t *testing.T, path string) { listenAs(t, 0, path) }, "chown 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(c.dir(t), "s")
			c.listen(t, path)
			client, err := control.DialSocket(path)
			switch {
			case err == nil && c.want != "":
				t.Error("it was asked")
			case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err == nil:
				client.Close()
			}
			if c.want != "" {
				if err := p.Control().ServeSocket(path); err == nil {
					t.Error("it was taken over")
				}
			}
		})
	}
}
