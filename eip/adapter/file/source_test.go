package file_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestFile_Finds(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"b.txt", "a.txt", "c.csv", ".hidden.txt", "sub/d.txt", "sub/deep/e.txt", ".git/f.txt", "odd[1].txt"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		adaptertest.Write(t, path, path)
	}
	if err := os.Mkdir("folder.txt", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("pipe.txt", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub/d.txt", "z.txt"); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"a.txt":            {"a.txt"},
		"./sub/../a.txt":   {"a.txt"},
		"*.csv":            {"c.csv"},
		"?.*":              {"a.txt", "b.txt", "c.csv", "sub/d.txt"},
		"[ab].txt":         {"a.txt", "b.txt"},
		"{b,a,x}.txt":      {"a.txt", "b.txt"},
		"**/*.txt":         {"a.txt", "b.txt", "odd[1].txt", "sub/d.txt", "sub/deep/e.txt"},
		"sub/*/e.txt":      {"sub/deep/e.txt"},
		"odd[1].txt":       {"odd[1].txt"},
		".hid*":            {".hidden.txt"},
		"no*":              nil,
		"nowhere/**/*.txt": nil,
	}
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			for _, edit := range []func(*file.Adapter){nil, wholeFile} {
				env := eiptest.AdapterEnv()
				log := adaptertest.LogTo(env)
				got := adaptertest.ReadOut(t, at(path, edit), env)
				if edit != nil {
					got = slices.DeleteFunc(got, func(s string) bool { return s == "sub/d.txt" && path == "**/*.txt" })
					want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return s == "sub/d.txt" && path == "**/*.txt" })
				}
				if !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				if warned := strings.Contains(log.String(), "no file matches"); warned != (want == nil) {
					t.Errorf("logged %q", log.String())
				}
			}
		})
	}
}

func TestFile_CannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "no"): "no such file",
		folder:                      "is a folder",
		pipe:                        "no regular file",
	} {
		if _, err := at(path, nil).OpenSource(t.Context(), eiptest.AdapterEnv()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestFile_Message(t *testing.T) {
	for name, want := range map[string][2]string{ // content types of lines and of whole files
		"a.jsonl": {"application/json", "application/x-ndjson"}, "a.ndjson": {"application/json", "application/x-ndjson"},
		"a.JSON": {"application/json", "application/json"}, "a.txt": {"text/plain", "text/plain"}, "a.log": {"text/plain", "text/plain"},
		"a.csv": {"text/csv", "text/csv"}, "a.jpeg": {"image/jpeg", "image/jpeg"}, "a.png": {"image/png", "image/png"},
		"a": {"", ""}, "a.no-such-ending": {"", ""},
	} {
		path := adaptertest.Put(t, name, "1")
		for i, edit := range []func(*file.Adapter){nil, wholeFile} {
			s := adaptertest.OpenSource(t, at(path, edit), eiptest.AdapterEnv())
			m := adaptertest.Receive(t, s, 1)[0]
			adaptertest.Close(t, s)
			if m.ContentType != want[i] || m.Headers["file"] != path {
				t.Errorf("%s: content type %q, headers %v; want %q", name, m.ContentType, m.Headers, want[i])
			}
		}
		s := adaptertest.OpenSource(t, at(path, func(f *file.Adapter) { f.ContentType = "x/y" }), eiptest.AdapterEnv())
		if m := adaptertest.Receive(t, s, 1)[0]; m.ContentType != "x/y" {
			t.Errorf("content type %q, want x/y", m.ContentType)
		}
		adaptertest.Close(t, s)
	}
}

func TestFile_EmptyLinesOfJSONAreNone(t *testing.T) {
	if got, want := adaptertest.ReadOut(t, at(adaptertest.Put(t, "a.jsonl", "\n1\n\r\n\n2\n\n"), nil), eiptest.AdapterEnv()), []string{"1", "2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFile_TooLong(t *testing.T) {
	path := adaptertest.Put(t, "a.txt", "123456\nok\n1234567")
	env := eiptest.AdapterEnv()
	for _, format := range []adapter.Format{adapter.Lines, adapter.Whole} {
		s := adaptertest.OpenSource(t, at(path, func(f *file.Adapter) { f.MaxBody, f.Format = 5, format }), env)
		m, err := s.Receive(t.Context())
		if string(m.Body()) != "12345" || !eip.IsInvalid(err) {
			t.Errorf("%s: got %q, %v", format, m.Body(), err)
		}
		eip.Deliver(t.Context(), eip.Discard, m) // as in an invalid-message channel
		if format == adapter.Lines {
			adaptertest.Expect(t, s, "ok")
			if m, err = s.Receive(t.Context()); string(m.Body()) != "12345" || !eip.IsInvalid(err) {
				t.Errorf("last: got %q, %v", m.Body(), err)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
		}
		adaptertest.Close(t, s)
		if again := adaptertest.ReadOut(t, at(path, func(f *file.Adapter) { f.MaxBody, f.Format = 5, format }), env); again != nil {
			t.Errorf("%s: read again: %q", format, again)
		}
	}
}

// A file is known by what it is. What is added is read, and a file that is another
// one is read from its beginning.
func TestFile_ReadAgain(t *testing.T) {
	tests := map[string]struct {
		was    string
		change func(t *testing.T, path string)
		want   []string
	}{
		"unchanged":            {"a\nb\n", func(*testing.T, string) {}, nil},
		"added":                {"a\nb\n", func(t *testing.T, path string) { appendTo(t, path, "c\nd") }, []string{"c", "d"}},
		"newline added":        {"a\nb", func(t *testing.T, path string) { appendTo(t, path, "\n") }, nil},
		"crlf added":           {"a\nb", func(t *testing.T, path string) { appendTo(t, path, "\r\n") }, nil},
		"newline and more":     {"a\nb", func(t *testing.T, path string) { appendTo(t, path, "\nc\n") }, []string{"c"}},
		"last line goes on":    {"a\nb", func(t *testing.T, path string) { appendTo(t, path, "bb\nc\n") }, []string{"bbb", "c"}},
		"replaced by the same": {"a\nb\n", func(t *testing.T, path string) { adaptertest.Write(t, path+"2", "a\nb\n"); rename(t, path+"2", path) }, []string{"a", "b"}},
		"made again":           {"a\nb\n", func(t *testing.T, path string) { remove(t, path); adaptertest.Write(t, path, "a\nb\n") }, []string{"a", "b"}},
		"shorter":              {"a\nb\n", func(t *testing.T, path string) { adaptertest.Write(t, path, "a\n") }, []string{"a"}},
		"written anew":         {"a\nb\n", func(t *testing.T, path string) { adaptertest.Write(t, path, "c\nd\ne\n") }, []string{"c", "d", "e"}},
		"longer lines":         {"a\nb\n", func(t *testing.T, path string) { adaptertest.Write(t, path, "aaaaaaaa\n") }, []string{"aaaaaaaa"}},
		"renamed":              {"a\nb\n", func(t *testing.T, path string) { rename(t, path, path+"x"); rename(t, path+"x", path) }, nil},
		"emptied":              {"a\nb\n", func(t *testing.T, path string) { adaptertest.Write(t, path, "") }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path, env := adaptertest.Put(t, "a.txt", tt.was), eiptest.AdapterEnv()
			if got := adaptertest.ReadOut(t, at(path, nil), env); len(got) != 2 {
				t.Fatalf("at first: %q", got)
			}
			tt.change(t, path)
			for _, want := range [][]string{tt.want, nil} {
				if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// Each flow reads a file for itself.
func TestFile_PositionIsTheFlows(t *testing.T) {
	path, env := adaptertest.Put(t, "a.txt", "1\n"), eiptest.AdapterEnv()
	for _, flow := range []string{"one", "two"} {
		env.Flow, env.Address = flow, flow+".in"
		if got := adaptertest.ReadOut(t, at(path, nil), env); len(got) != 1 {
			t.Errorf("flow %s got %q", flow, got)
		}
	}
}

func TestFile_DamagedPosition(t *testing.T) {
	path, env := adaptertest.Put(t, "a.txt", "1\n2\n"), eiptest.AdapterEnv()
	adaptertest.ReadOut(t, at(path, nil), env)
	for _, value := range []string{"", "junk", "{}", `{"start":-5,"end":-1}`, `{"start":0,"end":999,"check":1}`, `{"start":0,"end":2,"check":9999999}`, `{"start":0,"end":2,"check":1,"sum":7,"ended":true}`} {
		for key := range env.Positions.(*eiptest.Positions).All() {
			env.Positions.Keep(key, []byte(value))
		}
		if got := adaptertest.ReadOut(t, at(path, nil), env); len(got) != 2 {
			t.Errorf("with the position %s got %q", value, got)
		}
	}
}

type noPositions struct{ error }

func (p noPositions) Position(string) ([]byte, error) { return nil, p.error }
func (p noPositions) Keep(string, []byte)             {}

func TestFile_PositionsFail(t *testing.T) {
	for _, edit := range []func(*file.Adapter){nil, wholeFile} {
		env := eiptest.AdapterEnv()
		broken := errors.New("disk is gone")
		env.Positions = noPositions{broken}
		s := adaptertest.OpenSource(t, at(adaptertest.Put(t, "a.txt", "1\n"), edit), env)
		if m, err := s.Receive(t.Context()); !errors.Is(err, broken) {
			t.Errorf("received %v, %v", m, err)
		}
		adaptertest.Close(t, s)
		env.Positions = nil
		if got := adaptertest.ReadOut(t, at(adaptertest.Put(t, "a.txt", "1\n"), edit), env); len(got) != 1 {
			t.Errorf("without positions: %q", got)
		}
	}
}

// Whole files that were settled are read again only if they are changed.
func TestFile_WholeReadAgain(t *testing.T) {
	folder, env := t.TempDir(), eiptest.AdapterEnv()
	a, b := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	adaptertest.Write(t, a, "1")
	adaptertest.Write(t, b, "2")
	all := at(filepath.Join(folder, "*"), wholeFile)
	for i, step := range []struct {
		change func()
		want   []string
	}{
		{func() {}, []string{"1", "2"}},
		{func() {}, nil},
		{func() { adaptertest.Write(t, b, "22") }, []string{"22"}},
		{func() { touch(t, a, time.Unix(1e9, 0)) }, nil},
		{func() { adaptertest.Write(t, a, "0"); touch(t, a, time.Unix(1e9, 0)) }, []string{"0"}},
		{func() { adaptertest.Write(t, a+".new", "0"); rename(t, a+".new", a) }, []string{"0"}}, // another file
		{func() { adaptertest.Write(t, filepath.Join(folder, "c"), "3") }, []string{"3"}},
		{func() { rename(t, a, a+"2") }, []string{"0"}},
		{func() {}, nil},
	} {
		step.change()
		if got := adaptertest.ReadOut(t, all, env); !slices.Equal(got, step.want) {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
}

func touch(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// A file that cannot be read is an error where it is named, and left out of many.
func TestFile_Unreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	folder := t.TempDir()
	adaptertest.Write(t, filepath.Join(folder, "a"), "1")
	adaptertest.Write(t, filepath.Join(folder, "b"), "2")
	if err := os.Chmod(filepath.Join(folder, "a"), 0); err != nil {
		t.Fatal(err)
	}
	for _, edit := range []func(*file.Adapter){nil, wholeFile} {
		env := eiptest.AdapterEnv()
		log := adaptertest.LogTo(env)
		if got := adaptertest.ReadOut(t, at(filepath.Join(folder, "*"), edit), env); !slices.Equal(got, []string{"2"}) {
			t.Errorf("got %q", got)
		}
		if !strings.Contains(log.String(), "file is left out") {
			t.Errorf("logged %q", log.String())
		}
		s := adaptertest.OpenSource(t, at(filepath.Join(folder, "a"), edit), eiptest.AdapterEnv())
		if _, err := s.Receive(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("received %v", err)
		}
		adaptertest.Close(t, s)
	}
}

func TestFile_Validate(t *testing.T) {
	tests := map[string]struct {
		file         *file.Adapter
		source, sink string
	}{
		"lines":           {at("a", nil), "", ""},
		"no path":         {at("", nil), "path", "path"},
		"NUL":             {at("a\x00b", nil), "path", "path"},
		"glob":            {at("a*", nil), "", "path"},
		"bad glob":        {at("a[", nil), "path", ""},
		"follow":          {at("a", follow), "", "follow"},
		"sync":            {at("a", func(f *file.Adapter) { f.Sync = true }), "sync", ""},
		"root of lines":   {at("a", func(f *file.Adapter) { f.Root = "b" }), "root", "path"},
		"quoted, no func": {at("'a'", nil), "", "path"},
		"whole, no func":  {at("a", wholeFile), "", "path"},
		"whole, function": {whole(".", func(*eip.Message) string { return "" }), "root", ""},
		"format":          {at("a", func(f *file.Adapter) { f.Format = "x" }), "format", "format"},
		"max_body":        {at("a", func(f *file.Adapter) { f.MaxBody = -1 }), "max_body", "max_body"},
	}
	for name, tt := range tests {
		if got := adaptertest.Blames(errors.Join(tt.file.Validate(), tt.file.CheckSource())); got != tt.source {
			t.Errorf("%s: as source blames %q, want %q", name, got, tt.source)
		}
		if got := adaptertest.Blames(errors.Join(tt.file.Validate(), tt.file.CheckSink())); got != tt.sink {
			t.Errorf("%s: as sink blames %q, want %q", name, got, tt.sink)
		}
		if _, err := tt.file.OpenSource(t.Context(), eiptest.AdapterEnv()); tt.source != "" && adaptertest.Blames(err) != tt.source {
			t.Errorf("%s: opened as source: %v", name, err)
		}
	}
}

// A source that fails while it follows is told of by Receive, at each look.
func TestFile_FollowsWhatIsNoFileYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "later", "a.txt")
		s := adaptertest.OpenSource(t, at(path, follow), eiptest.AdapterEnv())
		defer adaptertest.Close(t, s)
		time.AfterFunc(time.Minute, func() {
			if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil {
				t.Error(err)
			}
			adaptertest.Write(t, path, "1\n")
		})
		adaptertest.Expect(t, s, "1")
	})
}

func BenchmarkFile(b *testing.B) {
	var content strings.Builder
	const lines = 100_000
	for i := range lines {
		fmt.Fprintf(&content, `{"id":%d,"total":1200,"region":"eu"}`+"\n", i)
	}
	path := filepath.Join(b.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte(content.String()), 0o666); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s, err := at(path, nil).OpenSource(b.Context(), eiptest.AdapterEnv())
		if err != nil {
			b.Fatal(err)
		}
		for {
			m, err := s.Receive(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			n++
			eip.Deliver(b.Context(), eip.Discard, m)
		}
		s.Close()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
