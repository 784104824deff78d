package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// minion is a process without flows of its own, with a folder of those that it may be
// given. It is started again on the same folders.
type minion struct {
	*folder
	data, broker string
}

func newMinion(t *testing.T, broker string) *minion {
	t.Helper()
	m := &minion{&folder{T: t, path: t.TempDir()}, t.TempDir(), broker}
	m.begin(flow.Options{NoFiles: true})
	return m
}

func (m *minion) begin(o flow.Options) {
	m.Helper()
	o.Broker = m.broker
	c, diags := flow.Load(o)
	if diags.HasErrors() {
		m.Fatal(diags)
	}
	h := host.New(host.Options{DataDir: m.data, FlowsDir: m.path})
	if _, err := h.Start(m.Context(), c); err != nil {
		m.Fatal(err)
	}
	m.Host = h
	m.Cleanup(func() {
		if err := h.Stop(); err != nil {
			m.Error(err)
		}
	})
}

// again ends the process and starts another one in its place.
func (m *minion) again() {
	m.Helper()
	if err := m.Stop(); err != nil {
		m.Error(err)
	}
	m.begin(flow.Options{NoFiles: true})
}

func (m *minion) apply(file string, o control.ApplyOptions, want string) {
	m.Helper()
	got, err := m.Apply(m.Context(), file, o)
	if err != nil {
		m.Fatalf("apply %s: %v", file, err)
	}
	if did(got) != want {
		m.Errorf("apply %s does %s, want %s", file, did(got), want)
	}
}

func (m *minion) refuses(file string, o control.ApplyOptions, want string) {
	m.Helper()
	if _, err := m.Apply(m.Context(), file, o); err == nil || !strings.Contains(err.Error(), want) {
		m.Errorf("apply %s gives %v, want %s", file, err, want)
	}
}

func (m *minion) runs(want string) {
	m.Helper()
	if got := flowNames(m.Host); got != want {
		m.Errorf("there run %q, want %q", got, want)
	}
}

func (m *minion) kept() string {
	m.Helper()
	data, err := os.ReadFile(filepath.Join(m.data, "applied.json"))
	if err != nil {
		m.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), "")
}

var replacing = control.ApplyOptions{Replace: true}

// A file takes flows over from another one that was applied, and from no other.
func TestHost_ApplyReplaces(t *testing.T) {
	m := newMinion(t, "memory:")
	m.write(map[string]string{"a.hcl": flowText("count", "") + flowText("other", ""), "b.hcl": flowText("count", `filter { if = "true" }`), "c.hcl": flowText("other", "")})
	m.apply("a.hcl", control.ApplyOptions{}, "[count other]: same [], changed [], new [count other], gone []")
	put(t, m.Host, "queue.other", "1")
	idle(t, m.Host)
	m.refuses("b.hcl", control.ApplyOptions{}, "there is a flow count already, of a.hcl; with replace = true")
	m.apply("b.hcl", control.ApplyOptions{Replace: true, DryRun: true}, "[count]: same [], changed [count], new [], gone []")
	m.runs("count other")
	m.apply("b.hcl", replacing, "[count]: same [], changed [count], new [], gone []")
	m.runs("other count")
	if s := statsOf(t, m.Host, "other"); s.Received != 1 {
		t.Errorf("what stays of the other file has %+v", s)
	}
	m.apply("b.hcl", control.ApplyOptions{}, "[count]: same [count], changed [], new [], gone []")
	m.refuses("a.hcl", control.ApplyOptions{}, "there is a flow count already, of b.hcl")
	m.apply("c.hcl", replacing, "[other]: same [], changed [other], new [], gone []")
	if _, err := m.Remove(t.Context(), "a.hcl"); err == nil {
		t.Error("a file whose flows are all another's is still applied")
	}
	m.apply("a.hcl", replacing, "[count other]: same [], changed [count other], new [], gone []")
	m.runs("count other")
	if files := fmt.Sprint(m.Files()); strings.Contains(files, "b.hcl") || strings.Contains(files, "c.hcl") {
		t.Errorf("the files are %s", files)
	}

	f := running(t, "memory:", host.Options{FlowsDir: m.path}, map[string]string{"mine.hcl": flowText("count", "")})
	if _, err := f.Apply(t.Context(), "b.hcl", replacing); err == nil || !strings.Contains(err.Error(), "of the files that the process was started with") {
		t.Errorf("a flow of the process' own files makes room: %v", err)
	}
}

// Where flows cannot be replaced, all goes on as it was, with what was counted.
func TestHost_ApplyReplacesAllOrNothing(t *testing.T) {
	m := newMinion(t, "memory:")
	m.write(map[string]string{"a.hcl": flowText("count", "") + flowText("other", ""), "b.hcl": flowText("third", ""),
		"bad.hcl": flowText("count", "unopenable {}") + flowText("third", ""), "worse.hcl": "flow {"})
	m.apply("a.hcl", control.ApplyOptions{}, "[count other]: same [], changed [], new [count other], gone []")
	m.apply("b.hcl", control.ApplyOptions{}, "[third]: same [], changed [], new [third], gone []")
	if err := flowOf(t, m.Host, "third").Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		put(t, m.Host, "queue.count", "1")
		for deadline := time.Now().Add(time.Minute); statsOf(t, m.Host, "count").Dropped <= int64(i) && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		m.refuses("bad.hcl", replacing, "no key; its flows run as they were")
		m.refuses("worse.hcl", replacing, "worse.hcl:1:")
		m.runs("count other third")
		if s := statsOf(t, m.Host, "count"); s.Received != int64(i+1) {
			t.Errorf("after the attempt it has %+v", s)
		}
		if s := flowOf(t, m.Host, "third").State(); s != control.Stopped {
			t.Errorf("what was stopped is %s", s)
		}
	}
	if kept := m.kept(); strings.Contains(kept, "bad") || strings.Contains(kept, "without") {
		t.Errorf("kept is %s", kept)
	}
}

// Files that take a flow from each other under load lose nothing, and no message is
// worked on by two.
func TestHost_ApplyReplacesUnderLoad(t *testing.T) {
	for broker, n := range map[string]int{"memory:": 3000, "embedded:": 600} {
		t.Run(broker, func(t *testing.T) {
			m := newMinion(t, broker)
			text := func(as string) string {
				return fmt.Sprintf("queue \"in\" {}\nflow \"count\" {\n  from = queue.in\n  noted { as = \"%s/%s\" }\n  discard {}\n}\n", m.path, as)
			}
			m.write(map[string]string{"a.hcl": text("a"), "b.hcl": text("b")})
			m.apply("a.hcl", control.ApplyOptions{}, "[count]: same [], changed [], new [count], gone []")
			var sending sync.WaitGroup
			sending.Go(func() {
				for i := range n {
					put(t, m.Host, "queue.in", strconv.Itoa(i))
				}
			})
			for i := range n / 50 {
				m.apply([]string{"b.hcl", "a.hcl"}[i%2], replacing, "[count]: same [], changed [count], new [], gone []")
			}
			sending.Wait()
			idle(t, m.Host)
			seen := map[string]int{}
			for _, as := range []string{"a", "b"} {
				for _, body := range notesOf(m.path + "/" + as) {
					seen[body]++
				}
			}
			for i := range n {
				if times := seen[strconv.Itoa(i)]; times != 1 {
					t.Errorf("message %d was worked on %d times", i, times)
				}
			}
		})
	}
}

// What was applied is applied again, as it was, after the process has ended; what was
// removed is not.
func TestHost_ApplyIsRemembered(t *testing.T) {
	m := newMinion(t, "memory:")
	sized := func(more string) string {
		return "variable \"size\" {\n  default = 1\n  dynamic = true\n}\n" + fmt.Sprintf("queue \"sized\" {}\nflow \"sized\" {\n  from = queue.sized\n  noted { as = \"%s/${var.size}\" }\n  %s\n  discard {}\n}\n", m.path, more)
	}
	m.write(map[string]string{"a.hcl": flowText("count", "") + flowText("other", ""), "b.hcl": flowText("count", ""), "sized.hcl": sized(""), "gone.hcl": flowText("gone", "")})
	for _, file := range []string{"a.hcl", "gone.hcl", "b.hcl"} {
		if _, err := m.Apply(t.Context(), file, replacing); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Remove(t.Context(), "gone.hcl"); err != nil {
		t.Fatal(err)
	}
	m.apply("sized.hcl", control.ApplyOptions{Vars: map[string]any{"size": 3}}, "[sized]: same [], changed [], new [sized], gone []")
	const kept = `[{"file":"a.hcl","without":["count"]},{"file":"b.hcl"},{"file":"sized.hcl","vars":{"size":3}}]`
	for range 2 {
		if got := m.kept(); got != kept {
			t.Errorf("kept is %s, want %s", got, kept)
		}
		m.again()
		m.runs("other count sized")
	}
	put(t, m.Host, "queue.sized", "x")
	awaitNotes(t, m.path+"/3", 1)
	m.apply("sized.hcl", control.ApplyOptions{}, "[sized]: same [], changed [sized], new [], gone []")
	put(t, m.Host, "queue.sized", "y")
	awaitNotes(t, m.path+"/1", 1)

	m.write(map[string]string{"a.hcl": "flow {", "b.hcl": ""})
	m.again()
	m.runs("sized")
	if got := fmt.Sprint(m.Unapplied()); !strings.Contains(got, "a.hcl a.hcl:1:") && !strings.Contains(got, "a.hcl:1:") || !strings.Contains(got, "there is no flow file b.hcl") {
		t.Errorf("not applied are %s", got)
	}
	m.apply("sized.hcl", control.ApplyOptions{}, "[sized]: same [sized], changed [], new [], gone []")
	if _, err := m.Remove(t.Context(), "b.hcl"); err != nil {
		t.Errorf("what should run cannot be removed: %v", err)
	}
	m.write(map[string]string{"a.hcl": flowText("count", "")})
	m.again()
	m.runs("sized")
	m.apply("a.hcl", control.ApplyOptions{}, "[count]: same [], changed [], new [count], gone []")
	m.again()
	m.runs("count sized")
	if got := m.Unapplied(); len(got) != 0 {
		t.Errorf("not applied are %v", got)
	}

	if err := m.Stop(); err != nil {
		t.Error(err)
	}
	m.begin(flow.Options{Files: []string{filepath.Join(m.path, "a.hcl")}})
	m.runs("count sized")
	for damaged, want := range map[string]string{
		"{broken":      "applied.json it says which flow files were applied, and cannot be read",
		`[{"file":5}]`: "applied.json it says which flow files were applied, and cannot be read",
		"[null]":       `applied.json "" is no name`,
	} {
		if err := os.WriteFile(filepath.Join(m.data, "applied.json"), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		m.again()
		m.runs("")
		if got := fmt.Sprint(m.Unapplied()); !strings.Contains(got, want) {
			t.Errorf("%s: not applied are %s", damaged, got)
		}
		m.apply("sized.hcl", control.ApplyOptions{}, "[sized]: same [], changed [], new [sized], gone []")
		if got := m.kept(); got != `[{"file":"sized.hcl"}]` {
			t.Errorf("%s: kept is %s", damaged, got)
		}
	}
}
