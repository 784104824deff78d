package main

import (
	"os"
	"path/filepath"
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
