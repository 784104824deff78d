package gendocs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
)

// tables is what stands between the markers: what the schemas, the registries and the
// commands say.
type tables struct {
	root     string // the module's folder
	commands *cobra.Command
}

// source gives what belongs between the markers of a page.
func (t *tables) source(page, name, argument string) (string, error) {
	switch name {
	case "example":
		return t.quote(argument)
	case "graph":
		return t.diagram(argument)
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
		return t.commandTable(), nil
	case "flags":
		return t.flagTable(argument)
	}
	return "", fmt.Errorf("there is no such marker")
}

// quote shows a file, or what is in it after "from".
func (t *tables) quote(argument string) (string, error) {
	file, from, _ := strings.Cut(argument, " from ")
	src, err := os.ReadFile(filepath.Join(t.root, file))
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
	for _, schemes := range Transports() {
		t, _ := broker.Registry.New(schemes[0])
		c := t.Capabilities
		rows = append(rows, []string{fmt.Sprintf("[`%s:`](brokers/%s.md)", strings.Join(schemes, ":`, `"), schemes[0]),
			yes[c.Durable], yes[c.Patterns], yes[c.MaxLength], yes[c.TTL], yes[c.DeadLetter]})
	}
	return table(rows)
}

// Transports are the schemes of each transport: one with TLS has the same name with
// an s.
func Transports() (all [][]string) {
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

func (t *tables) commandTable() string {
	rows := [][]string{{"command", "does"}}
	for _, c := range t.commands.Commands() {
		rows = append(rows, []string{fmt.Sprintf("[`%s`](commands/%s.md)", c.Name(), c.Name()), c.Short})
	}
	return table(rows)
}

func (t *tables) flagTable(command string) (string, error) {
	c, _, err := t.commands.Find(strings.Fields(command))
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
