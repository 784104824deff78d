package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// byKey appends each message to the file that its key names.
func byKey(root string) *file.Adapter {
	a := whole(root, func(m *eip.Message) string { return m.Key })
	a.Format = adapter.Lines
	return a
}

func keyed(key, body string) *eip.Message {
	return eiptest.Message(body).With(func(m *eip.Message) { m.Key = key })
}

// TestFile_ManyNames writes by turns to more files than may be open, from several
// goroutines: each file has its lines in order, and few are open.
func TestFile_ManyNames(t *testing.T) {
	root := t.TempDir()
	s := adaptertest.OpenSink(t, byKey(root), eiptest.AdapterEnv())
	const files, rounds, writers = 60, 5, 4
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for round := range rounds {
				for i := range files {
					if err := adaptertest.Send(t, s, keyed(fmt.Sprintf("%d/%d.txt", w, i), fmt.Sprint(round))); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	if n := openBelow(t, root); n > 64 {
		t.Errorf("%d files are open", n)
	}
	adaptertest.Close(t, s)
	if n := openBelow(t, root); n > 0 {
		t.Errorf("%d files are open at the end", n)
	}
	want := []string{"0", "1", "2", "3", "4"}
	for w := range writers {
		for i := range files {
			if got := adaptertest.Cut(adaptertest.Read(t, filepath.Join(root, fmt.Sprintf("%d/%d.txt", w, i)))); !slices.Equal(got, want) {
				t.Fatalf("%d/%d.txt holds %q", w, i, got)
			}
		}
	}
}

// openBelow counts the files below root that this process has open.
func openBelow(t *testing.T, root string) (n int) {
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, root+"/") {
			n++
		}
	}
	return n
}

// What is in the way of a file that a message names is neither followed nor waited
// for.
func TestFile_NamesLeadNowhereElse(t *testing.T) {
	root, outside := t.TempDir(), adaptertest.Put(t, "secret", "")
	link(t, filepath.Join(root, "link"), outside)
	link(t, filepath.Join(root, "dangling"), outside+"2")
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := adaptertest.OpenSink(t, byKey(root), eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	for _, name := range []string{"link", "dangling", "pipe"} {
		if err := adaptertest.Send(t, s, keyed(name, "x")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if got := adaptertest.Read(t, outside) + adaptertest.Read(t, outside+"2"); got != "" {
		t.Errorf("%q was written outside", got)
	}
}

// A named file is made anew when it is moved away, and its torn end is ended.
func TestFile_NamedIsRotated(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a")
	adaptertest.Write(t, path, "torn")
	s := adaptertest.OpenSink(t, byKey(root), eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	for i := range 2 {
		if err := adaptertest.Send(t, s, keyed("a", fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
		rename(t, path, path+fmt.Sprint(i))
	}
	if got := adaptertest.Read(t, path+"0") + adaptertest.Read(t, path+"1"); got != "torn\n0\n1\n" {
		t.Errorf("the files hold %q", got)
	}
}
