package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/graph"
	"github.com/eipd/eipd/internal/regular"
	"github.com/eipd/eipd/internal/visible"
)

type graphCommand struct {
	loading
	bus
	graph.Options
	format, direction  string
	output, comparison string
	width              int
}

func newGraph() *cobra.Command {
	g := &graphCommand{loading: loading{quiet: true}}
	c := &cobra.Command{
		Use:   "graph [FILES…]",
		Short: "Draw flows: what leads where, as a picture, a diagram or a model",
		Long: `Draws the flows of flow files, with their stages, channels and adapters, and connects
to nothing. The same files give the same bytes everywhere.

--format svg draws a picture that needs nothing else; mermaid is a diagram for
Markdown, dot one for Graphviz, text is for a terminal, and json is the model that
all others are drawn from. Without --format, the name that --output or --check gives
decides: its end is .svg, .mmd, .dot, .txt or .json.

Without FILES, and with --data-dir, --socket or --broker, it asks running processes,
puts together what they say, and paints what they do: rates, what waits, and which
flows and switches are off or stopped.

Where --output or --check names a Markdown file, FILES are not given: between each
pair of lines <!-- graph: FILES --> and <!-- /graph --> a Mermaid diagram is put.

Exit code 0: it is drawn; 1: the files are wrong, or --check found another picture;
2: wrong usage; 3: no process has answered.`,
		RunE: func(c *cobra.Command, args []string) error { return g.run(c, args) },
	}
	g.loading.flags(c)
	c.Flags().Lookup("broker").Usage = "the default broker's `URL`; without FILES, ask all processes on it"
	g.others(c)
	f := c.Flags()
	f.StringVar(&g.format, "format", "", "`svg`, mermaid, dot, json or text (default svg)")
	f.StringVarP(&g.output, "output", "o", "", "write to this `file`, and not to standard output")
	f.StringVar(&g.comparison, "check", "", "write nothing, and end with 1 where this `file` does not hold what would be written")
	f.IntVar(&g.Depth, "depth", 2, "0: channels, adapters and flows; 1: with stages; 2: with branches and bodies")
	f.StringVar(&g.Flow, "flow", "", "only the flow of this `name`, and what it reads and sends to")
	f.StringVar(&g.States, "states", "", "only the states of the process_manager of this `address`, and what leads from one to the next")
	f.StringVar(&g.Around, "around", "", "only what is near this `address`")
	f.IntVar(&g.Hops, "hops", 1, "how many channels away from --around")
	f.StringVar(&g.direction, "direction", "right", "where it leads to: `right` or down")
	f.StringVar(&g.Failures, "failures", graph.UsedFailures, "ways of dead letters and invalid messages: `none`, used (those that files name) or all")
	f.BoolVar(&g.Conditions, "conditions", false, "write expressions beside branches")
	f.StringVar(&g.Theme, "theme", graph.AutoTheme, "`auto`, light, dark or print")
	f.StringVar(&g.LinkBase, "link-base", "", "make each node a link to this `URL`, followed by FILE#L12")
	f.IntVar(&g.width, "width", 100, "how many letters a line of the format text has at most")
	for name, words := range map[string][]string{"format": graphFormats, "direction": {"right", "down"}, "failures": failureWords, "theme": themeWords} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	return c
}

var (
	graphFormats = []string{"svg", "mermaid", "dot", "json", "text"}
	failureWords = []string{graph.NoFailures, graph.UsedFailures, graph.AllFailures}
	themeWords   = []string{graph.AutoTheme, graph.LightTheme, graph.DarkTheme, graph.PrintTheme}
)

// formatOf is the format of a file by its name; "": it says nothing.
func formatOf(name string) string {
	return map[string]string{".svg": "svg", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot", ".json": "json", ".txt": "text", ".md": "markdown"}[strings.ToLower(filepath.Ext(name))]
}

// settle checks the flags, and picks the format.
func (g *graphCommand) settle(args []string) error {
	file := g.output + g.comparison
	if g.output != "" && g.comparison != "" {
		return errors.New("--output writes and --check does not: give one of them")
	}
	by := formatOf(file)
	if g.format == "" {
		if g.format = by; by == "" {
			g.format = "svg"
		}
	} else if by == "markdown" {
		return errors.New("a Markdown file has Mermaid diagrams: leave out --format")
	}
	if markdown := g.format == "markdown"; markdown && len(args) > 0 {
		return errors.New("the Markdown file names the flow files itself")
	}
	for _, w := range []struct {
		flag, value string
		words       []string
	}{
		{"format", g.format, append([]string{"markdown"}, graphFormats...)},
		{"direction", g.direction, []string{"right", "down"}},
		{"failures", g.Failures, failureWords},
		{"theme", g.Theme, themeWords},
	} {
		if !slices.Contains(w.words, w.value) {
			return fmt.Errorf("--%s cannot be %q: write %s", w.flag, w.value, strings.Join(w.words, ", "))
		}
	}
	switch {
	case g.Depth < 0 || g.Depth > 2:
		return errors.New("--depth is 0, 1 or 2")
	case g.Hops < 0:
		return errors.New("--hops must not be less than 0")
	case len(slices.DeleteFunc([]string{g.Flow, g.Around, g.States}, func(s string) bool { return s == "" })) > 1:
		return errors.New("--flow, --around and --states exclude each other")
	}
	g.Down = g.direction == "down"
	return nil
}

func (g *graphCommand) run(c *cobra.Command, args []string) error {
	if err := g.settle(args); err != nil {
		return err
	}
	if g.format == "markdown" {
		return g.markdown()
	}
	var m *graph.Model
	var err error
	switch flags := c.Flags(); {
	case len(args) > 0:
		m, err = g.model(args)
	case flags.Changed("data-dir") || flags.Changed("socket") || g.loading.broker != "":
		m, err = g.live(c)
	default:
		err = errors.New("name flow files, or a running process by --data-dir, --socket or --broker")
	}
	if err != nil {
		return err
	}
	var out bytes.Buffer
	note, err := g.write(&out, m)
	if err != nil {
		return failure{exitFailed, err}
	}
	if note != "" {
		fmt.Fprintln(os.Stderr, "eipd:", said(errors.New(note)))
	}
	if g.output+g.comparison == "" {
		_, err = raw(c.OutOrStdout()).Write(out.Bytes())
		return err
	}
	return g.deliver(out.Bytes())
}

// model is that of flow files.
func (g *graphCommand) model(files []string) (*graph.Model, error) {
	config, err := g.load(files)
	if err != nil {
		return nil, err
	}
	return graph.Of(config), nil
}

func (g *graphCommand) write(w io.Writer, m *graph.Model) (note string, err error) {
	switch g.format {
	case "mermaid", "markdown":
		return graph.Mermaid(w, m, g.Options)
	case "dot":
		return graph.Dot(w, m, g.Options)
	case "text":
		return graph.Text(visible.Writer{To: w, Show: visible.Lines}, m, g.Options, g.width)
	case "json":
		e := json.NewEncoder(visible.Writer{To: w, Show: visible.JSON})
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		part, err := m.Part(g.Options)
		if err != nil {
			return "", err
		}
		return "", e.Encode(part)
	}
	return graph.SVG(w, m, g.Options)
}

// markdown fills the diagrams of a Markdown file.
func (g *graphCommand) markdown() error {
	name := g.output + g.comparison
	text, err := regular.ReadInside(name, 16<<20)
	if err != nil {
		return failure{exitFailed, err}
	}
	filled, found, err := graph.Fill(text, func(files []string) (string, error) {
		m, err := g.model(files)
		if err != nil {
			return "", err
		}
		var out strings.Builder
		_, err = g.write(&out, m)
		return out.String(), err
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return failure{exitFailed, fmt.Errorf("%s has no line <!-- graph: FILES --> with a line <!-- /graph --> below it", name)}
	}
	return g.deliver(filled)
}

// deliver writes the file, or compares it.
func (g *graphCommand) deliver(text []byte) error {
	if g.comparison == "" {
		if err := os.WriteFile(g.output, text, 0o644); err != nil {
			return failure{exitFailed, err}
		}
		return nil
	}
	there, err := regular.ReadInside(g.comparison, 64<<20)
	switch {
	case err != nil:
		return failure{exitFailed, err}
	case !bytes.Equal(there, text):
		return failure{exitFailed, fmt.Errorf("%s is not what the flow files are now: make it anew with --output %[1]s", g.comparison)}
	}
	return nil
}
