package file_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// export is a file of lines between a head and a trailer that are always the same.
func export(head string, lines int, line string) string {
	return head + "\n" + strings.Repeat(line+"\n", lines) + "T|0002\n"
}

// TestFile_RewrittenInPlace reads a file anew that was written in place, and one
// that was only touched not twice: by a run after a run, and while it follows.
func TestFile_RewrittenInPlace(t *testing.T) {
	long := strings.Repeat("x", 2000)
	old := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name          string
		before, after string
		change        func(t *testing.T, path string) // beside
		want          bool
	}{
		{"another head", export("H|01", 2, "A|01"), export("H|02", 2, "A|02"), nil, true},
		{"the same head", export("H", 2, "A|01"), export("H", 2, "A|02"), nil, true},
		{"far from both ends", export(long, 2000, "A|01"), export(long, 2000, "A|02"), nil, true},
		{"one byte", export(long, 2, "A|01"), strings.Replace(export(long, 2, "A|01"), "A|01", "A|02", 1), nil, true},
		{"longer, another head", export("H|01", 2, "A|01"), export("H|02", 2, "A|01") + "more\n", nil, true},
		{"with its old time", export("H", 2, "A|01"), export("H", 2, "A|02"), func(t *testing.T, path string) { touch(t, path, old) }, true},
		{"touched", export("H", 2, "A|01"), "", func(t *testing.T, path string) { touch(t, path, time.Now().Add(time.Second)) }, false},
		{"its mode", export("H", 2, "A|01"), "", func(t *testing.T, path string) { chmod(t, path, 0o600) }, false},
		{"the same again", export("H", 2, "A|01"), export("H", 2, "A|01"), nil, false},
	} {
		change := func(t *testing.T, path string) (want []string) {
			if c.after != "" {
				overwrite(t, path, c.after)
			}
			if c.change != nil {
				c.change(t, path)
			}
			if c.want {
				want = adaptertest.Cut(c.after)
			}
			return want
		}
		t.Run(c.name+", between runs", func(t *testing.T) {
			path, env := adaptertest.Put(t, "export.txt", c.before), eiptest.AdapterEnv()
			touch(t, path, old)
			adaptertest.ReadOut(t, at(path, nil), env)
			for _, want := range [][]string{change(t, path), nil} {
				if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, want) {
					t.Errorf("got %d lines %.60q, want %d", len(got), got, len(want))
				}
			}
		})
		t.Run(c.name+", followed", func(t *testing.T) {
			follows(t, c.before, func(f *following) {
				touch(f.T, f.path, old)
				f.expect(adaptertest.Cut(c.before)...)
				f.nothing()
				f.expect(change(f.T, f.path)...)
				f.nothing()
				f.reopen()
				f.nothing()
			})
		})
	}
}

// Lines that are the same in a file that was written anew are other messages.
func TestFile_RewrittenLinesHaveOtherIDs(t *testing.T) {
	path, env := adaptertest.Put(t, "export.txt", "H|01\nT\n"), eiptest.AdapterEnv()
	s := adaptertest.OpenSource(t, at(path, nil), env)
	before := adaptertest.Rest(t, s)
	adaptertest.Close(t, s)
	overwrite(t, path, "H|02\nT\n")
	s = adaptertest.OpenSource(t, at(path, nil), env)
	defer adaptertest.Close(t, s)
	if after := adaptertest.Rest(t, s); len(after) != 2 || after[1].ID == before[1].ID {
		t.Errorf("%d messages; the trailer's is %s again", len(after), before[1].ID)
	}
}

// Positions that older versions kept hold on.
func TestFile_OldPositions(t *testing.T) {
	path, env := adaptertest.Put(t, "a.txt", "1\n2\n"), eiptest.AdapterEnv()
	adaptertest.ReadOut(t, at(path, nil), env)
	positions := env.Positions.(*eiptest.Positions)
	for key, value := range positions.All() {
		var kept map[string]any
		if err := json.Unmarshal(value, &kept); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"from", "all", "head", "size", "times"} {
			delete(kept, name)
		}
		value, _ = json.Marshal(kept)
		positions.Keep(key, value)
	}
	if got := adaptertest.ReadOut(t, at(path, nil), env); got != nil {
		t.Errorf("with an old position: %q", got)
	}
	appendTo(t, path, "3\n")
	if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, []string{"3"}) {
		t.Errorf("after an old position: %q", got)
	}
	overwrite(t, path, "1\n2\n4\n")
	if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, []string{"1", "2", "4"}) {
		t.Errorf("written anew: %q", got)
	}
}

// overwrite writes a file in place without emptying it first.
func overwrite(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer adaptertest.Close(t, f)
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
