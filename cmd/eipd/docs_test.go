package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/internal/gendocs"
)

// The pages show the comments that the first run writes, so there are two.
//
//go:generate go test -run ^TestProse$ . -update
//go:generate go test -run ^TestPages$ . -update

var update = flag.Bool("update", false, "write what is generated, instead of comparing")

const (
	root   = "../.."
	module = "github.com/eipd/eipd"
)

func TestProse(t *testing.T) {
	var schemas []*schema.Block
	for _, b := range flow.Blocks() {
		schemas = append(schemas, b.Schema)
	}
	want, err := gendocs.Prose(root, module, schemas)
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "eip/flow/schema/prose.json", want)
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

func TestPages(t *testing.T) {
	pages, err := gendocs.Pages(root, source)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		generated(t, name, pages[name])
	}
}

// generated compares a file with what it should hold, or writes it.
func generated(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join(root, name)
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case bytes.Equal(got, want):
	case *update:
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not as the code says; run make gen", name)
	}
}

// source gives what belongs between the markers of a page.
func source(page, name, argument string) (string, error) {
	switch name {
	case "example":
		return quote(argument)
	case "options":
		kinds := map[string]string{"docs/stages": "stage", "docs/adapters": "adapter"}
		kind, block := kinds[path.Dir(page)], strings.TrimSuffix(path.Base(page), ".md")
		if argument != "" {
			kind, block = "block", argument
		}
		return optionTable(kind, block)
	case "components":
		return componentTable(argument), nil
	case "brokers":
		return brokerTable(), nil
	case "commands":
		return commandTable(), nil
	case "flags":
		return flagTable(argument)
	}
	return "", fmt.Errorf("there is no such marker")
}

// quote shows a file, or what is in it after "from".
func quote(argument string) (string, error) {
	file, from, _ := strings.Cut(argument, " from ")
	src, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", err
	}
	at := strings.Index(string(src), from)
	if at < 0 {
		return "", fmt.Errorf("%s does not hold %q", file, from)
	}
	return "```" + strings.TrimPrefix(path.Ext(file), ".") + "\n" + strings.TrimSpace(string(src[at:])) + "\n```", nil
}

func optionTable(kind, name string) (string, error) {
	i := slices.IndexFunc(flow.Blocks(), func(b flow.Block) bool { return b.Kind == kind && b.Name == name })
	if i < 0 {
		return "", fmt.Errorf("there is no %s %q", kind, name)
	}
	options := flow.Blocks()[i].Options()
	if len(options) == 0 {
		return "It has no options.", nil
	}
	rows := [][]string{{"option", "takes", "default", "meaning"}}
	for _, o := range options {
		about := o.Default
		switch {
		case o.Required:
			about = "required"
		case about != "":
			about = "`" + about + "`"
		}
		rows = append(rows, []string{"`" + o.Name + "`", o.Takes, about, o.Prose})
	}
	return table(rows), nil
}

// componentTable lists the stages or adapters with what they do.
func componentTable(kind string) string {
	rows := [][]string{{kind, "what it is"}}
	for _, b := range flow.Blocks() {
		if b.Kind == kind {
			sentence, _, _ := strings.Cut(strings.Join(strings.Fields(schema.ProseOf(b.Schema.Type)), " "), ". ")
			rows = append(rows, []string{fmt.Sprintf("[`%s`](%ss/%s.md)", b.Name, kind, b.Name), strings.TrimSuffix(sentence, ".")})
		}
	}
	return table(rows)
}

func brokerTable() string {
	rows := [][]string{{"URL", "outlives the process", "patterns", "`max_length`", "`ttl`", "`dead_letter`"}}
	yes := map[bool]string{true: "yes", false: "no"}
	for _, schemes := range transports() {
		t, _ := broker.Registry.New(schemes[0])
		c := t.Capabilities
		rows = append(rows, []string{fmt.Sprintf("[`%s:`](brokers/%s.md)", strings.Join(schemes, ":`, `"), schemes[0]),
			yes[c.Durable], yes[c.Patterns], yes[c.MaxLength], yes[c.TTL], yes[c.DeadLetter]})
	}
	return table(rows)
}

// transports are the schemes of each transport: one with TLS has the same name with
// an s.
func transports() (all [][]string) {
	names := broker.Registry.Names()
	for _, scheme := range names {
		if plain, ok := strings.CutSuffix(scheme, "s"); ok && slices.Contains(names, plain) {
			continue
		}
		schemes := []string{scheme}
		if slices.Contains(names, scheme+"s") {
			schemes = append(schemes, scheme+"s")
		}
		all = append(all, schemes)
	}
	return all
}

func commandTable() string {
	rows := [][]string{{"command", "does"}}
	for _, c := range commands() {
		rows = append(rows, []string{fmt.Sprintf("[`%s`](commands/%s.md)", c.Name(), c.Name()), c.Short})
	}
	return table(rows)
}

// commands are those of eipd, with the one that its library adds.
func commands() []*cobra.Command {
	r := newRoot()
	r.InitDefaultCompletionCmd()
	return r.Commands()
}

func flagTable(command string) (string, error) {
	c, _, err := newRoot().Find([]string{command})
	if err != nil {
		return "", err
	}
	rows := [][]string{{"flag", "default", "meaning"}}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		name, shown := "--"+f.Name, ""
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
			shown = "`" + f.DefValue + "`"
		}
		rows = append(rows, []string{"`" + name + "`", shown, usage})
	})
	text := fmt.Sprintf("```\n%s\n```\n\n%s", usageLine(c), c.Long)
	if len(rows) == 1 {
		return text, nil
	}
	return text + "\n\n" + table(rows), nil
}

func usageLine(c *cobra.Command) string { return strings.TrimSuffix(c.UseLine(), " [flags]") }

// table writes rows, of which the first is the head.
func table(rows [][]string) string {
	var out strings.Builder
	for i, row := range rows {
		for _, cell := range row {
			cell = strings.Join(strings.Fields(cell), " ")
			out.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		out.WriteString("|\n")
		if i == 0 {
			out.WriteString(strings.Repeat("| --- ", len(row)) + "|\n")
		}
	}
	return out.String()
}
