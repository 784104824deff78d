package gendocs

import (
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Man returns the manual pages of commands, by their paths below the module's folder, as
// the commands' own help has it.
func Man(_ string, commands *cobra.Command) (map[string][]byte, error) {
	commands.InitDefaultCompletionCmd()
	pages := map[string][]byte{}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		pages[path.Join("out", "man", manName(c)+".1")] = []byte(manPage(c))
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(commands)
	return pages, nil
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manPage(c *cobra.Command) string {
	var out strings.Builder
	section := func(name string) { fmt.Fprintf(&out, ".SH %s\n", name) }
	fmt.Fprintf(&out, ".TH \"%s\" 1 \"\" \"eipd\" \"eipd\"\n", roff(strings.ToUpper(manName(c))))
	section("NAME")
	fmt.Fprintf(&out, "%s \\- %s\n", roff(manName(c)), roff(c.Short))
	section("SYNOPSIS")
	fmt.Fprintf(&out, "\\fB%s\\fR\n", roff(c.UseLine()))
	section("DESCRIPTION")
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(&out, ".nf\n%s\n.fi\n", roff(text))
	if c.HasAvailableFlags() {
		section("OPTIONS")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&out, ".TP\n\\fB\\-\\-%s\\fR", roff(f.Name))
			if value != "" {
				fmt.Fprintf(&out, " \\fI%s\\fR", roff(value))
			}
			fmt.Fprintf(&out, "\n%s\n", roff(usage))
		})
	}
	var others []string
	if c.HasParent() {
		others = append(others, manName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			others = append(others, manName(sub))
		}
	}
	if others != nil {
		section("SEE ALSO")
		fmt.Fprintf(&out, "%s(1)\n", roff(strings.Join(others, "(1), ")))
	}
	return out.String()
}

// roff is a text that means nothing to the formatter.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
