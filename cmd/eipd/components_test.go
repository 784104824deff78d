package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/internal/gendocs"
)

// Every component has its page, its example, and a comment for each option.
func TestComponents_AreDocumented(t *testing.T) {
	for _, b := range flow.Blocks() {
		t.Run(b.Kind+" "+b.Name, func(t *testing.T) {
			if b.Kind != "block" {
				exists(t, "docs/"+b.Kind+"s/"+b.Name+".md", "# "+b.Name+"\n", "<!-- options -->", "## Delivery and order")
				exists(t, "examples/"+b.Name+"/flow.hcl", b.Name)
			}
			if schema.ProseOf(b.Schema.Type) == "" {
				t.Errorf("%s has no comment", b.Schema.Type)
			}
			for _, o := range b.Options() {
				if o.Prose == "" {
					t.Errorf("the option %s has no comment", o.Name)
				}
			}
		})
	}
	for _, schemes := range gendocs.Transports() {
		exists(t, "docs/brokers/"+schemes[0]+".md", "# "+schemes[0]+"\n", "## Delivery and order")
	}
	for _, c := range commands() {
		exists(t, "docs/commands/"+c.Name()+".md", "# "+c.Name()+"\n")
	}
}

// exists reports a file that is missing, or lacks what it must hold.
func exists(t *testing.T, name string, holds ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Error(err)
		return
	}
	for _, h := range holds {
		if !strings.Contains(string(text), h) {
			t.Errorf("%s lacks %q", name, h)
		}
	}
}

// Dependencies run one way: eip knows nobody; what implements its interfaces knows
// only eip; the flow language, and the host that runs it, know components through the
// registries.
func TestDependencies(t *testing.T) {
	const eip = module + "/eip"
	within := func(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
	// eip/manage/control and eip/manage/telemetry look at processes, and are no stages.
	holds := func(path, stages string) bool { return path == stages || within(path, stages+"/internal") }
	stages := []string{eip + "/routing", eip + "/transform", eip + "/endpoint", eip + "/manage", eip + "/adapter"}
	language, host := eip+"/flow", eip+"/host"
	all := dependencies(t)
	var brokers []string
	for path := range all {
		if name, ok := strings.CutPrefix(path, eip+"/broker/"); ok && name != "internal" && !strings.Contains(name, "/") {
			brokers = append(brokers, path)
		}
	}
	if len(brokers) < 2 {
		t.Fatalf("found the brokers %q", brokers)
	}

	for path, deps := range all {
		for _, dep := range deps {
			var why string
			switch {
			case path == eip && strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, eip+"/internal/"):
				why = "eip imports only the standard library"
			case within(path, eip+"/eiptest"):
			case dep == eip+"/eiptest":
				why = "only tests import eiptest"
			case within(path, eip) && within(dep, module+"/cmd"):
				why = "nothing imports a command"
			case within(path, eip) && !within(path, host) && within(dep, host):
				why = "only commands import the host"
			case within(path, eip) && !within(path, language) && !within(path, host) && within(dep, language):
				why = "only commands and the host import the flow language"
			}
			for _, s := range stages {
				switch {
				case holds(path, s) && within(dep, eip) && !within(dep, s) && dep != eip && !strings.HasPrefix(dep, eip+"/internal/"):
					why = "stages and adapters import only eip"
				case (within(path, language) || within(path, host) || slices.ContainsFunc(brokers, func(b string) bool { return within(path, b) })) && holds(dep, s):
					why = "components are known through the registries"
				}
			}
			for _, b := range brokers {
				if within(dep, b) && within(path, eip) && !within(path, b) {
					why = "brokers are known through the registry"
				}
			}
			if why != "" {
				t.Errorf("%s depends on %s: %s", path, dep, why)
			}
		}
	}
}

// dependencies returns all packages of the module with what they depend on.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`, "./eip/...")
	c.Dir = root
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[1:]
	}
	return all
}
