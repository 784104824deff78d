package host_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// folder is one of flow files that a Host was started with.
type folder struct {
	*testing.T
	path string
	*host.Host
}

func (f *folder) write(texts map[string]string) {
	f.Helper()
	for name, text := range texts {
		path := filepath.Join(f.path, name)
		err := os.WriteFile(path+".new", []byte(text), 0o600)
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if text == "" {
			err = os.Remove(path)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
}

// running starts flows of a folder with these files.
func running(t *testing.T, broker string, o host.Options, texts map[string]string) *folder {
	t.Helper()
	f := &folder{T: t, path: t.TempDir()}
	f.write(texts)
	c, diags := flow.Load(flow.Options{Files: []string{f.path}, Broker: broker})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	o.DataDir = t.TempDir()
	if o.FlowsDir == "" {
		o.FlowsDir = f.path
	}
	f.Host = host.New(o)
	if _, err := f.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// flowText is a flow that reads a queue of its own.
func flowText(name, more string) string {
	return fmt.Sprintf("queue %[1]q {}\nflow %[1]q {\n  from = queue.%[1]s\n  %[2]s\n  discard {}\n}\n", name, more)
}

func did(a control.Applied) string {
	return fmt.Sprintf("%v: same %v, changed %v, new %v, gone %v", a.Flows, a.Same, a.Changed, a.New, a.Gone)
}

// A reload does to each flow what its file now asks for, and a dry run says so before.
func TestHost_Reload(t *testing.T) {
	f := running(t, "memory:", host.Options{}, map[string]string{"a.hcl": flowText("a", ""), "b.hcl": flowText("b", ""), "c.hcl": flowText("c", "")})
	put(t, f.Host, "queue.a", "1")
	idle(t, f.Host)
	f.write(map[string]string{"b.hcl": flowText("b", `filter { if = "true" }`), "c.hcl": "", "d.hcl": flowText("d", "")})
	const want = "[a b d]: same [a], changed [b], new [d], gone [c]"
	for _, dryRun := range []bool{true, false} {
		for what, load := range map[string]func() (control.Applied, error){
			"reload": func() (control.Applied, error) { return f.Reload(t.Context(), dryRun) },
			"apply of a file": func() (control.Applied, error) {
				return f.Apply(t.Context(), "d.hcl", control.ApplyOptions{DryRun: dryRun})
			},
		} {
			got, err := load()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if did(got) != want && dryRun {
				t.Errorf("%s would do %s", what, did(got))
			}
			if names := flowNames(f.Host); dryRun != (names == "a b c") {
				t.Errorf("after %s, a dry run %v, there are %s", what, dryRun, names)
			}
		}
	}
	if s := statsOf(t, f.Host, "a"); s.Received != 1 {
		t.Errorf("the flow that is the same has %+v", s)
	}
	if got, err := f.Reload(t.Context(), false); err != nil || did(got) != "[a b d]: same [a b d], changed [], new [], gone []" {
		t.Errorf("a reload of the same does %s: %v", did(got), err)
	}
	if err := f.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := f.Reload(t.Context(), false); err == nil {
		t.Error("what has ended is loaded anew")
	}
}

func flowNames(h *host.Host) string {
	var names []string
	for _, f := range h.Flows() {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}

// Whatever is wrong with the files leaves all as it was, and the error says where it is.
func TestHost_ReloadRefuses(t *testing.T) {
	const bus = "control_bus { allow = [\"status\"] }\n"
	f := running(t, "", host.Options{}, map[string]string{"broker.hcl": "broker \"main\" {\n  url     = \"memory:\"\n  default = true\n}\n" + bus, "a.hcl": flowText("a", "")})
	for name, c := range map[string]struct {
		texts map[string]string
		want  string
	}{
		"syntax":            {map[string]string{"a.hcl": "flow \"a\" {\n  from = \n}\n"}, "a.hcl:2:"},
		"a name":            {map[string]string{"a.hcl": strings.Replace(flowText("a", ""), "queue.a", "queue.aa", 1)}, "a.hcl:3:"},
		"several":           {map[string]string{"b.hcl": flowText("b", "fliter {}\n  filtre {}")}, "(and 1 more)"},
		"no files":          {map[string]string{"a.hcl": "", "broker.hcl": ""}, "holds no file"},
		"another broker":    {map[string]string{"broker.hcl": "broker \"main\" {\n  url     = \"memory://b\"\n  default = true\n}\n" + bus}, "broker.hcl:1:1: Other default broker"},
		"another bus":       {map[string]string{"broker.hcl": "broker \"main\" {\n  url     = \"memory:\"\n  default = true\n}\ncontrol_bus {}\n"}, "broker.hcl:5:1: Other control bus"},
		"no bus":            {map[string]string{"broker.hcl": "broker \"main\" {\n  url     = \"memory:\"\n  default = true\n}\n"}, "Other control bus"},
		"what cannot start": {map[string]string{"a.hcl": flowText("a", "unopenable {}"), "b.hcl": flowText("b", "")}, "no key; its flows run as they were"},
	} {
		t.Run(name, func(t *testing.T) {
			kept := map[string]string{}
			for file := range c.texts {
				text, _ := os.ReadFile(filepath.Join(f.path, file))
				kept[file] = string(text)
			}
			f.write(c.texts)
			defer f.write(kept)
			if _, err := f.Reload(t.Context(), false); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("gives %v, want %s", err, c.want)
			}
			before := statsOf(t, f.Host, "a").Received
			put(t, f.Host, "queue.a", "1")
			idle(t, f.Host)
			if names := flowNames(f.Host); names != "a" || statsOf(t, f.Host, "a").Received != before+1 {
				t.Errorf("there are %s, with %+v", names, f.Stats())
			}
		})
	}
}

// What picks flows is asked anew, of the files as they are then.
func TestHost_ReloadPicks(t *testing.T) {
	f := running(t, "memory:", host.Options{Pick: func(c *flow.Config) ([]string, error) { return c.InGroups("g") }},
		map[string]string{"a.hcl": flowText("a", ""), "b.hcl": flowText("b", ""), "g.hcl": "group \"g\" { flows = [flow.a] }\n"})
	for flows, want := range map[string]string{"flow.a": "a", "flow.b": "b", "flow.a, flow.b": "a b"} {
		f.write(map[string]string{"g.hcl": "group \"g\" { flows = [" + flows + "] }\n"})
		if _, err := f.Reload(t.Context(), false); err != nil || flowNames(f.Host) != want {
			t.Errorf("of %s there run %s: %v", flows, flowNames(f.Host), err)
		}
	}
	f.write(map[string]string{"g.hcl": ""})
	if _, err := f.Reload(t.Context(), false); err == nil || !strings.Contains(err.Error(), `no group "g"`) {
		t.Errorf("a group that is gone gives %v", err)
	}
}

// A folder is applied as one, again too, and no file of it runs twice.
func TestHost_ApplyFolder(t *testing.T) {
	other := &folder{T: t, path: filepath.Join(t.TempDir(), "other")}
	if err := os.Mkdir(other.path, 0o700); err != nil {
		t.Fatal(err)
	}
	f := running(t, "memory:", host.Options{FlowsDir: filepath.Dir(other.path)}, map[string]string{"a.hcl": flowText("a", "")})
	other.write(map[string]string{"queues.hcl": "queue \"shared\" {}\n", "b.hcl": flowText("b", "wire_tap { to = queue.shared }")})
	for _, want := range []string{"[b]: same [], changed [], new [b], gone []", "[b]: same [b], changed [], new [], gone []"} {
		for _, dryRun := range []bool{true, false} {
			if got, err := f.Apply(t.Context(), "other", control.ApplyOptions{DryRun: dryRun}); err != nil || did(got) != want {
				t.Errorf("it does %s: %v", did(got), err)
			}
		}
	}
	other.write(map[string]string{"b.hcl": flowText("a", "")})
	if _, err := f.Apply(t.Context(), "other", control.ApplyOptions{DryRun: false}); err == nil || !strings.Contains(err.Error(), "there is a flow a already, of the files that the process was started with") {
		t.Errorf("a flow that runs gives %v", err)
	}
	if names, err := f.Remove(t.Context(), "other"); err != nil || fmt.Sprint(names) != "[b]" {
		t.Errorf("there were %v: %v", names, err)
	}
	for _, name := range []string{"none", "..", "other/b.hcl"} {
		if _, err := f.Apply(t.Context(), name, control.ApplyOptions{DryRun: false}); err == nil {
			t.Errorf("%s was applied", name)
		}
	}
}

// A hundred reloads under load, of changed, broken and removed files, lose nothing, and
// flows that are the same have neither doubles nor another order.
func TestHost_ReloadUnderLoad(t *testing.T) {
	const reloads = 100
	as := ownNotes(t)
	texts := func(i int) map[string]string {
		all := map[string]string{
			"keeps.hcl":   fmt.Sprintf("queue \"in\" {}\nqueue \"mid\" {}\nflow \"keeps\" {\n  from = queue.in\n  noted { as = %q }\n  to   = queue.mid\n}\n", as+"/keeps"),
			"changes.hcl": fmt.Sprintf("flow \"changes\" {\n  from = queue.mid\n  filter { if = \"body != '-%d'\" }\n  noted { as = %q }\n  discard {}\n}\n", i, as+"/changes"),
			"comes.hcl":   flowText("comes", ""),
		}
		switch i % 4 {
		case 1:
			all["comes.hcl"] = "# gone\n"
		case 2:
			all["comes.hcl"] = "flow {"
		case 3:
			all["comes.hcl"] = flowText("comes", "unopenable {}")
		}
		return all
	}
	f := running(t, "embedded:", host.Options{}, texts(0))
	var sending sync.WaitGroup
	over, end := context.WithCancel(t.Context())
	var sent [16]int
	for s := range sent {
		sending.Go(func() {
			for ; over.Err() == nil; sent[s]++ {
				put(t, f.Host, "queue.in", fmt.Sprint(s, " ", sent[s]))
			}
		})
	}
	for i := range reloads {
		f.write(texts(i))
		if _, err := f.Reload(t.Context(), false); (err != nil) != (i%4 > 1) {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	end()
	sending.Wait()
	idle(t, f.Host)
	all, next := 0, [len(sent)]int{}
	for _, body := range notesOf(as + "/keeps") {
		var s, i int
		if _, err := fmt.Sscan(body, &s, &i); err != nil || i != next[s] {
			t.Fatalf("the flow that is the same has got %s in the place of number %d: %v", body, next[s], err)
		}
		next[s]++
	}
	for s, n := range sent {
		if all += n; next[s] != n {
			t.Errorf("of %d messages, %d came", n, next[s])
		}
	}
	seen := map[string]bool{}
	for _, body := range notesOf(as + "/changes") {
		seen[body] = true
	}
	if len(seen) != all {
		t.Errorf("%d messages were sent, and %d went on", all, len(seen))
	}
	t.Logf("%d messages, of which %d were doubled where the flow changed", all, len(notesOf(as+"/changes"))-len(seen))
}

// Files that change are loaded anew by themselves, and what is broken for a while does no
// harm.
func TestHost_Watch(t *testing.T) {
	f := running(t, "memory:", host.Options{}, map[string]string{"a.hcl": flowText("a", "")})
	f.Watch(t.Context())
	for _, step := range []struct{ file, text, want string }{
		{"b.hcl", flowText("b", ""), "a b"},
		{"b.hcl", "broken {", "a b"},
		{"b.hcl", flowText("c", ""), "a c"},
		{"b.hcl", "", "a"},
	} {
		f.write(map[string]string{step.file: step.text})
		for deadline := time.Now().Add(time.Minute); flowNames(f.Host) != step.want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("there run %s, want %s", flowNames(f.Host), step.want)
			}
		}
	}
}
