package file_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func zip(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	adaptertest.Close(t, w)
	return b.String()
}

func TestFile_Zipped(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		lines []string
		whole string
	}{
		"lines":       {zip(t, "a\nb\n"), []string{"a", "b"}, "a\nb\n"},
		"no end":      {zip(t, "a\nb"), []string{"a", "b"}, "a\nb"},
		"two members": {zip(t, "a\n") + zip(t, "b\n"), []string{"a", "b"}, "a\nb\n"},
		"a mark":      {zip(t, "\ufeffa\n"), []string{"a"}, "\ufeffa\n"},
		"nothing":     {zip(t, ""), nil, ""},
	} {
		path := adaptertest.Put(t, "in.csv.gz", c.in)
		for _, edit := range []func(*file.Adapter){nil, wholeFile} {
			want := c.lines
			if edit != nil {
				want = []string{c.whole}
			}
			env := eiptest.AdapterEnv()
			s := adaptertest.OpenSource(t, at(path, edit), env)
			all := adaptertest.Rest(t, s)
			adaptertest.Close(t, s)
			if !slices.Equal(adaptertest.Bodies(all), want) || len(all) > 0 && (all[0].ContentType != "text/csv" || all[0].Headers["file"] != path) {
				t.Errorf("%s: %q, want %q", name, adaptertest.Bodies(all), want)
			}
			touch(t, path, time.Unix(1e9, 0))
			for range 2 {
				if got := adaptertest.ReadOut(t, at(path, edit), env); got != nil {
					t.Errorf("%s, again: %q", name, got)
				}
			}
		}
		raw := func(f *file.Adapter) { wholeFile(f); f.ContentType = "application/gzip" }
		if got := adaptertest.ReadOut(t, at(path, raw), eiptest.AdapterEnv()); len(got) != 1 || got[0] != c.in {
			t.Errorf("%s, as it is: %q", name, got)
		}
	}
}

// A gzip file is gone on with where its messages were settled, and read anew when
// something else is in it.
func TestFile_ZippedPosition(t *testing.T) {
	path, env := adaptertest.Put(t, "in.txt.gz", zip(t, "1\n2\n3\n")), eiptest.AdapterEnv()
	s := adaptertest.OpenSource(t, at(path, nil), env)
	adaptertest.Expect(t, s, "1", "2")
	adaptertest.Close(t, s)
	s = adaptertest.OpenSource(t, at(path, nil), env)
	adaptertest.Expect(t, s, "3")
	adaptertest.Close(t, s)
	overwrite(t, path, zip(t, "1\n2\n4\n"))
	for _, want := range [][]string{{"1", "2", "4"}, nil} {
		if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, want) {
			t.Errorf("written anew: %q, want %q", got, want)
		}
	}
}

func TestFile_ZippedFollowed(t *testing.T) {
	follows(t, "", func(f *following) {
		adaptertest.Close(f.T, f.s)
		dir := filepath.Dir(f.path)
		f.s = adaptertest.OpenSource(f.T, at(filepath.Join(dir, "*.gz"), follow), f.env)
		path := filepath.Join(dir, "a.gz")
		adaptertest.Write(f.T, path, zip(f.T, "1\n2\n"))
		f.expect("1", "2")
		touch(f.T, path, time.Now().Add(-time.Hour))
		f.nothing()
		rename(f.T, path, filepath.Join(dir, "b.gz"))
		f.nothing()
		adaptertest.Write(f.T, filepath.Join(dir, "b.gz"), zip(f.T, "3\n"))
		f.expect("3")
		f.nothing()
	})
}

// Of a damaged file what comes before the damage is read, once; then it is left out.
func TestFile_ZippedDamaged(t *testing.T) {
	good := zip(t, strings.Repeat("line\n", 10))
	flipped := []byte(good)
	flipped[len(flipped)-6]++
	for name, in := range map[string]string{
		"cut off": good[:len(good)-8], "wrong sum": string(flipped), "no gzip": "plain\n", "behind it": good + "more", "one byte": "\x1f",
	} {
		path, env := adaptertest.Put(t, "in.gz", in), eiptest.AdapterEnv()
		log := adaptertest.LogTo(env)
		adaptertest.Write(t, filepath.Join(filepath.Dir(path), "other.txt"), "other\n")
		n := 0
		for range 2 {
			got := adaptertest.ReadOut(t, at(filepath.Join(filepath.Dir(path), "*"), nil), env)
			got = slices.DeleteFunc(got, func(s string) bool { return s == "other" })
			n += len(got)
		}
		if n > 10 || strings.Count(log.String(), "no whole gzip file") != 2 {
			t.Errorf("%s: %d lines, logged %s", name, n, log)
		}
		s := adaptertest.OpenSource(t, at(path, wholeFile), env)
		if m, err := s.Receive(t.Context()); m == nil || !eip.IsInvalid(err) {
			t.Errorf("%s: whole: %v, %v", name, m, err)
		} else {
			eip.Deliver(t.Context(), eip.Discard, m)
		}
		adaptertest.Close(t, s)
	}
}

// What a file becomes is bounded by max_body, not by the memory there is.
func TestFile_ZippedBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	adaptertest.Close(t, w)
	path := adaptertest.Put(t, "bomb.gz", strings.Repeat(b.String(), 64))
	for _, edit := range []func(*file.Adapter){nil, wholeFile} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := adaptertest.OpenSource(t, at(path, func(f *file.Adapter) {
			f.MaxBody = 1 << 20
			if edit != nil {
				edit(f)
			}
		}), eiptest.AdapterEnv())
		m, err := s.Receive(t.Context())
		runtime.ReadMemStats(&after)
		if !eip.IsInvalid(err) || len(m.Body()) != 1<<20 {
			t.Errorf("received %v, %v", m, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 48<<20 {
			t.Errorf("it took %d MiB", took>>20)
		}
		adaptertest.Close(t, s)
	}
}
