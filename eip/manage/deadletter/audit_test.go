package deadletter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/manage/deadletter"
)

// chained returns the lines of a chain of n records, and its folder.
func chained(t *testing.T, n int) (dir string, lines []string) {
	t.Helper()
	dir = t.TempDir()
	c := &deadletter.Chain{Dir: dir}
	for i := range n {
		if err := c.Append(map[string]any{"what": fmt.Sprint("record ", i), "time": noon}); err != nil {
			t.Fatal(err)
		}
		if i == n/2 { // another process goes on
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			c = &deadletter.Chain{Dir: dir}
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, deadletter.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	return dir, strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
}

func write(t *testing.T, dir string, lines []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, deadletter.AuditFile), []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChain_Verify(t *testing.T) {
	const n = 6
	dir, lines := chained(t, n)
	if records, wrong, err := deadletter.Verify(dir); records != n || len(wrong) > 0 || err != nil {
		t.Fatalf("of a chain of %d: %d, %q, %v", n, records, wrong, err)
	}
	for i := range n {
		altered := slices.Clone(lines)
		altered[i] = strings.Replace(altered[i], "record", "recerd", 1)
		removed := slices.Delete(slices.Clone(lines), i, i+1)
		swapped := slices.Clone(lines)
		swapped[i], swapped[(i+1)%n] = swapped[(i+1)%n], swapped[i]
		for how, changed := range map[string][]string{"altered": altered, "removed": removed, "swapped": swapped} {
			write(t, dir, changed)
			if _, wrong, err := deadletter.Verify(dir); len(wrong) == 0 || err != nil {
				t.Errorf("line %d was %s: %q, %v", i+1, how, wrong, err)
			}
		}
	}
	write(t, dir, slices.Concat(lines[:2], []string{strings.Replace(lines[2], "record", "recerd", 1)}, lines[3:]))
	if _, wrong, _ := deadletter.Verify(dir); len(wrong) != 1 || !strings.Contains(wrong[0], "number 3, was altered") {
		t.Errorf("%q", wrong)
	}
	write(t, dir, slices.Concat(lines[:2], lines[3:]))
	if _, wrong, _ := deadletter.Verify(dir); len(wrong) != 1 || !strings.Contains(wrong[0], "line 3 is record 4, and follows record 2") {
		t.Errorf("%q", wrong)
	}
}

// What is wrong at the end is said once, and as it is.
func TestChain_VerifyEnd(t *testing.T) {
	for how, c := range map[string]struct {
		last string // what the last line becomes
		want []string
	}{
		"altered": {`{"n":4,"prev":"x"}` + "\n", []string{"line 4 does not follow", "number 4, was altered"}},
		"cut off": {`{"n":4,"pr`, []string{"line 4 is no record", "number 4, was altered, or is not whole"}},
		"removed": {"", []string{"is number 3, and audit.head says 4"}},
	} {
		dir, lines := chained(t, 4)
		write(t, dir, append(lines[:3], c.last))
		_, wrong, err := deadletter.Verify(dir)
		if err != nil || len(wrong) != len(c.want) {
			t.Errorf("%s: %q, %v", how, wrong, err)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(wrong[i], want) {
				t.Errorf("%s: %q, and not %q", how, wrong[i], want)
			}
		}
	}
}

// A process that goes on after somebody has changed the file does not hide that.
func TestChain_GoesOn(t *testing.T) {
	for how, change := range map[string]func([]string) []string{
		"cut off": func(lines []string) []string { return append(lines[:3], lines[3][:10]) },
		"removed": func(lines []string) []string { return lines[:0] },
		"altered": func(lines []string) []string {
			lines[1] = strings.Replace(lines[1], "record", "recerd", 1)
			return lines
		},
	} {
		dir, lines := chained(t, 4)
		write(t, dir, change(lines))
		c := &deadletter.Chain{Dir: dir}
		if err := c.Append(map[string]any{"what": "later"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		_, wrong, err := deadletter.Verify(dir)
		if err != nil || len(wrong) == 0 {
			t.Errorf("%s: %q, %v", how, wrong, err)
		}
	}
}
