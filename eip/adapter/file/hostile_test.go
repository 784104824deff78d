package file_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// spool makes a folder that all may write, with a secret beside it.
func spool(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, err := range []error{os.Mkdir("spool", 0o700), os.Chmod("spool", 0o777), os.Mkdir("private", 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	adaptertest.Write(t, "private/secret.txt", "secret")
	adaptertest.Write(t, "spool/a.txt", "a")
}

func link(t *testing.T, at, target string) {
	t.Helper()
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// TestFile_LinksOfOthers reads folders where links lead elsewhere.
func TestFile_LinksOfOthers(t *testing.T) {
	for _, c := range []struct {
		at, to string // the link
		path   string
		want   []string
		log    string
	}{
		{"spool/b.txt", "../private/secret.txt", "spool/*.txt", []string{"a"}, "spool/b.txt"},
		{"spool/b.txt", "/proc/self/environ", "spool/*.txt", []string{"a"}, "spool/b.txt"},
		{"spool/b.txt", "/dev/zero", "spool/*", []string{"a"}, "spool/b.txt"},
		{"spool/b.txt", "a.txt", "spool/b*", []string{"a"}, ""},
		{"spool/sub", "../private", "spool/*/*.txt", nil, ""},
		{"spool/sub", "../private", "spool/**/*.txt", []string{"a"}, ""},
		{"spool/sub", "../private", "spool/{sub,x}/secret.txt", nil, ""},
		{"spool/sub", ".", "spool/**/*.txt", []string{"a"}, ""},
		{"spool/b.txt", "b.txt", "spool/*.txt", []string{"a"}, "spool/b.txt"},
		{"in", "spool", "in/*.txt", []string{"a"}, ""}, // the author's own
		{"in.txt", "spool/a.txt", "in.txt", []string{"a"}, ""},
	} {
		t.Run(c.at+" to "+c.to+" by "+c.path, func(t *testing.T) {
			for _, edit := range []func(*file.Adapter){nil, wholeFile} {
				spool(t)
				link(t, c.at, c.to)
				env := eiptest.AdapterEnv()
				log := adaptertest.LogTo(env)
				if got := adaptertest.ReadOut(t, at(c.path, edit), env); !slices.Equal(got, c.want) {
					t.Errorf("read %q, want %q", got, c.want)
				}
				if left := strings.Contains(log.String(), "links are left out"); left != (c.log != "") || !strings.Contains(log.String(), c.log) {
					t.Errorf("logged %s", log.String())
				}
			}
		})
	}
}

// TestFile_NamedIsALinkOfOthers refuses a file that others have replaced by a link.
func TestFile_NamedIsALinkOfOthers(t *testing.T) {
	spool(t)
	link(t, "spool/b.txt", "../private/secret.txt")
	for _, edit := range []func(*file.Adapter){nil, wholeFile, follow} {
		s, err := at("spool/b.txt", edit).OpenSource(t.Context(), eiptest.AdapterEnv())
		if err == nil {
			_, err = s.Receive(t.Context())
			adaptertest.Close(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), "symbolic link leads out of") {
			t.Errorf("got %v", err)
		}
	}
	if s, err := at("spool/b.txt", nil).OpenSink(t.Context(), eiptest.AdapterEnv()); err == nil {
		adaptertest.Close(t, s)
		t.Error("the sink writes where others say")
	}
}

// TestFile_SinkNeverWaits refuses to append to what is no regular file, as it is
// opened and when it is swapped later.
func TestFile_SinkNeverWaits(t *testing.T) {
	for name, swap := range map[string]func(path string) error{
		"a named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a device":     func(path string) error { return os.Symlink("/dev/null", path) },
		"a folder":     func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.txt")
			s := adaptertest.OpenSink(t, at(path, nil), eiptest.AdapterEnv())
			defer adaptertest.Close(t, s)
			if err := errors.Join(os.Remove(path), swap(path)); err != nil {
				t.Fatal(err)
			}
			if err := adaptertest.Send(t, s, eip.New([]byte("x"), nil)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("wrote with %v", err)
			}
			if _, err := at(path, nil).OpenSink(t.Context(), eiptest.AdapterEnv()); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("opened with %v", err)
			}
		})
	}
}

// TestFile_Swapped swaps what is read for pipes and links while it is followed:
// what comes is never what a link leads to, and Close does not wait.
func TestFile_Swapped(t *testing.T) {
	for name, edit := range map[string]func(*file.Adapter){
		"lines": follow, "whole": func(f *file.Adapter) { follow(f); wholeFile(f) },
	} {
		for _, path := range []string{"spool/*.txt", "spool/a.txt"} {
			t.Run(name+" of "+path, func(t *testing.T) {
				spool(t)
				synctest.Test(t, func(t *testing.T) {
					s := adaptertest.OpenSource(t, at(path, edit), eiptest.AdapterEnv())
					defer func() { adaptertest.Close(t, s) }()
					makes := []func() error{
						func() error { return syscall.Mkfifo("spool/next", 0o600) },
						func() error { return os.WriteFile("spool/next", []byte("line\n"), 0o600) },
						func() error { return os.Symlink("../private/secret.txt", "spool/next") },
					}
					for i := range 30 {
						if err := errors.Join(makes[i%len(makes)](), os.Rename("spool/next", "spool/a.txt")); err != nil {
							t.Fatal(err)
						}
						ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
						m, err := s.Receive(ctx)
						cancel()
						switch {
						case m != nil && string(m.Body()) == "secret":
							t.Fatal("what a link leads to was read")
						case m != nil:
							eip.Deliver(t.Context(), eip.Discard, m)
						case errors.Is(err, context.DeadlineExceeded):
						default: // the flow opens it again
							adaptertest.Close(t, s)
							s, err = at(path, edit).OpenSource(t.Context(), eiptest.AdapterEnv())
							for err != nil {
								if err := os.Remove("spool/a.txt"); err != nil {
									t.Fatal(err)
								}
								s, err = at(path, edit).OpenSource(t.Context(), eiptest.AdapterEnv())
							}
						}
					}
				})
			})
		}
	}
}
