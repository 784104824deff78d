package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/internal/gendocs"
)

const root = "../.."

func TestGenerated(t *testing.T) {
	for _, generate := range []func(string, *cobra.Command) (map[string][]byte, error){gendocs.Prose, gendocs.Pages} {
		files, err := generate(root, newRoot())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not as the code says; run make gen (%v)", name, err)
			}
		}
	}
}

// What explain and the option tables say uses the names of flow files, not of Go.
func TestProse_NamesOfFlowFiles(t *testing.T) {
	fields := map[string]bool{}
	text, err := os.ReadFile(filepath.Join(root, "eip/flow/schema/prose.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.(\w+)":`).FindAllSubmatch(text, -1) {
		fields[string(m[1])] = true
	}
	// A word that begins a sentence, or is part of a pattern's name, may be a field's too.
	word := regexp.MustCompile(`([a-z,;:] )([A-Z]\w*[a-z]\w*)( [A-Z])?`)
	check := func(where, prose string) {
		for _, m := range word.FindAllStringSubmatch(prose, -1) {
			if fields[m[2]] && m[3] == "" {
				t.Errorf("%s names %s, as only Go does: %s", where, m[2], prose)
			}
		}
	}
	for _, b := range flow.Blocks() {
		check(b.Kind+" "+b.Name, schema.ProseOf(b.Schema.Type))
		for _, o := range b.Options() {
			check(b.Kind+" "+b.Name+", "+o.Name, o.Prose)
		}
	}
}

// commands are those of eipd, with the one that its library adds.
func commands() []*cobra.Command {
	r := newRoot()
	r.InitDefaultCompletionCmd()
	return r.Commands()
}
