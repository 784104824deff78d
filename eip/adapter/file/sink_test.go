package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// sendAll sends texts to an adapter that is opened for just these.
func sendAll(t *testing.T, a adapter.SinkOpener, texts ...string) {
	t.Helper()
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	for _, text := range texts {
		if err := adaptertest.Send(t, s, eiptest.Message(text)); err != nil {
			t.Errorf("send %q: %v", text, err)
		}
	}
}

func TestFile_Appends(t *testing.T) {
	tests := map[string]struct{ was, want string }{
		"nothing":    {"", "a\nb\n"},
		"lines":      {"1\n2\n", "1\n2\na\nb\n"},
		"a torn one": {"1\n2", "1\n2\na\nb\n"},
		"empty":      {"\n", "\na\nb\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := adaptertest.Put(t, "out", tt.was)
			sendAll(t, at(path, nil), "a", "b")
			if got := adaptertest.Read(t, path); got != tt.want {
				t.Errorf("the file is %q, want %q", got, tt.want)
			}
		})
	}
}

// A text of several lines is no line, and nothing of it is written.
func TestFile_NoLine(t *testing.T) {
	path := adaptertest.Put(t, "out", "")
	s := adaptertest.OpenSink(t, at(path, nil), eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	m := eiptest.Message("a\nforged").With(func(m *eip.Message) { m.ContentType = "text/plain" })
	if err := adaptertest.Send(t, s, m); !eip.IsInvalid(err) || !strings.Contains(err.Error(), "transform the body") {
		t.Errorf("settled with %v", err)
	}
	if got := adaptertest.Read(t, path); got != "" {
		t.Errorf("the file is %q", got)
	}
}

// Several writers of one file do not tear each other's lines.
func TestFile_SinksShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var wait sync.WaitGroup
	for writer := range 3 {
		s := adaptertest.OpenSink(t, at(path, nil), eiptest.AdapterEnv())
		wait.Go(func() {
			for i := range 1000 {
				eip.Deliver(t.Context(), s, eiptest.Message(fmt.Sprint(writer, strings.Repeat("x", i%100), i)))
			}
			adaptertest.Close(t, s)
		})
	}
	wait.Wait()
	lines := adaptertest.Cut(adaptertest.Read(t, path))
	for writer := range 3 {
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l, fmt.Sprint(writer)) {
				if want := fmt.Sprint(writer, strings.Repeat("x", n%100), n); l != want {
					t.Fatalf("line %q, want %q", l, want)
				}
				n++
			}
		}
		if n != 1000 {
			t.Errorf("%d lines of writer %d", n, writer)
		}
	}
}

// A file that is moved or deleted is made anew.
func TestFile_SinkIsRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "out")
	s := adaptertest.OpenSink(t, at(path, nil), eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	for i, change := range []func(){
		func() {},
		func() { rename(t, path, path+".1") },
		func() {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		change()
		if err := adaptertest.Send(t, s, eiptest.Message(fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
		if got, want := adaptertest.Read(t, path), fmt.Sprintln(i); got != want {
			t.Errorf("step %d: the file is %q, want %q", i, got, want)
		}
	}
}

func TestFile_SinkCannotBeOpened(t *testing.T) {
	path := adaptertest.Put(t, "file", "")
	for _, a := range []*file.Adapter{at(filepath.Join(path, "below"), nil), at(filepath.Dir(path), nil), whole(path, nil)} {
		if _, err := a.OpenSink(t.Context(), eiptest.AdapterEnv()); err == nil {
			t.Errorf("opened %s", a.Path.Source)
		}
	}
}

func TestFile_Names(t *testing.T) {
	t.Run("whole", func(t *testing.T) { testNames(t, wholeFile, "", "link") })
	t.Run("lines", func(t *testing.T) { testNames(t, func(f *file.Adapter) { f.Format = adapter.Lines }, "\n", "fails") })
}

// testNames has each message written to a file of every kind of name. link is what
// becomes of a symbolic link that leads out.
func testNames(t *testing.T, edit func(*file.Adapter), end, link string) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside")
	root := filepath.Join(base, "root")
	for _, folder := range []string{outside, filepath.Join(root, "folder")} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	const invalid, fails = "invalid", "fails"
	tests := map[string]string{
		"a.txt":                        "a.txt",
		"new/deep/a.txt":               "new/deep/a.txt",
		"./b.txt":                      "b.txt",
		"x//y.txt":                     "x/y.txt",
		"..a/...":                      "..a/...",
		"ä ö\r.txt":                    "ä ö\r.txt",
		filepath.Join(root, "abs.txt"): "abs.txt",
		"":                             invalid,
		".":                            invalid,
		"..":                           invalid,
		"../outside/a":                 invalid,
		"folder/../../outside/a":       invalid,
		"folder/../a":                  invalid,
		"a/..":                         invalid,
		"folder/":                      invalid,
		"/":                            invalid,
		"/etc/passwd":                  invalid,
		root:                           invalid,
		root + "-other/a":              invalid,
		filepath.Join(outside, "a"):    invalid,
		"nul\x00.txt":                  invalid,
		strings.Repeat("x", 300):       invalid,
		"link/a":                       fails,
		"link":                         link,
		"folder":                       fails,
	}
	var name string
	a := whole(root, func(*eip.Message) string { return name })
	edit(a)
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	names := make([]string, 0, len(tests))
	for name := range tests {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // link/a before link
	for _, name = range names {
		want := tests[name]
		err := adaptertest.Send(t, s, eiptest.Message(name))
		switch {
		case want == invalid && eip.IsInvalid(err), want == fails && err != nil && !eip.IsInvalid(err):
		case want == invalid, want == fails, err != nil:
			t.Errorf("%.40q: %v, want %s", name, err, want)
		default:
			if got := adaptertest.Read(t, filepath.Join(root, want)); got != name+end {
				t.Errorf("%q: the file holds %q", name, got)
			}
		}
	}
	if files, _ := os.ReadDir(outside); len(files) > 0 {
		t.Errorf("there is %s outside of the root", files[0].Name())
	}
	for _, folder := range []string{root, filepath.Join(root, "new", "deep"), filepath.Join(root, "folder")} {
		if temporary, _ := filepath.Glob(filepath.Join(folder, ".eipd-*")); len(temporary) > 0 {
			t.Errorf("%s is left over", temporary)
		}
	}
}

// Without a root, the absolute path that the author wrote in front is it.
func TestFile_WholeRootIsWhatTheAuthorWrote(t *testing.T) {
	t.Chdir(t.TempDir())
	there := filepath.Join(t.TempDir(), "out")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		source, result string
		want           string // "" is invalid
	}{
		{"'" + there + "/' + message.id", there + "/a", there + "/a"},
		{`"` + there + `/in-" + message.id`, there + "/in-b", there + "/in-b"},
		{"`" + there + "/c`", there + "/c", there + "/c"},
		{"'" + there + "/' + message.id", there + "-other/a", ""},
		{"'" + there + "/' + message.id", "/etc/passwd", ""},
		{"message.id", there + "/d", ""},
		{"message.id", "d", here + "/d"},
		{"'sub/' + message.id", "sub/e", here + "/sub/e"},
		{"'unclosed", there + "/f", ""},
		{`'/\x2e./' + message.id`, "/etc/passwd", ""},
	}
	for _, tt := range tests {
		a := whole("", func(*eip.Message) string { return tt.result })
		a.Path.Source = tt.source
		s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
		err := adaptertest.Send(t, s, eiptest.Message("x"))
		adaptertest.Close(t, s)
		switch {
		case tt.want == "" && !eip.IsInvalid(err), tt.want != "" && err != nil:
			t.Errorf("%s gives %s: %v", tt.source, tt.result, err)
		case tt.want != "" && adaptertest.Read(t, tt.want) != "x":
			t.Errorf("%s gives %s: not in %s", tt.source, tt.result, tt.want)
		}
	}
}

func TestFile_WholeReplaces(t *testing.T) {
	for _, sync := range []bool{false, true} {
		folder := t.TempDir()
		a := whole(folder, func(*eip.Message) string { return "sub/a" })
		a.Sync = sync
		sendAll(t, a, "a long text", "short\r\n", "")
		if got := adaptertest.Read(t, filepath.Join(folder, "sub", "a")); got != "" {
			t.Errorf("the file is %q", got)
		}
		sendAll(t, a, "short\r\n")
		if got := adaptertest.Read(t, filepath.Join(folder, "sub", "a")); got != "short\r\n" {
			t.Errorf("the file is %q", got)
		}
	}
}

func TestFile_WholeExpressionFails(t *testing.T) {
	broken := eip.Invalid(errors.New("body is no map"))
	a := file.New()
	a.Format = adapter.Whole
	a.Path.Text = func() (eip.Text, error) { return nil, broken }
	if err := a.CheckSink(); !errors.Is(err, broken) {
		t.Errorf("checked: %v", err)
	}
	if _, err := a.OpenSink(t.Context(), eiptest.AdapterEnv()); !errors.Is(err, broken) {
		t.Errorf("opened: %v", err)
	}
}
