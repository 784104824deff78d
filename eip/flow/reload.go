package flow

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// Reload loads the files that the options of c name as they are now. What a process has
// once, from its start to its end, must be as c has it: the default broker and the
// control bus.
func (c *Config) Reload() (*Config, hcl.Diagnostics) {
	now, diags := Load(c.options)
	if diags.HasErrors() {
		return now, diags
	}
	const restart = "The process has it as it was when it started: put it back, or start the process again."
	if text(c.describeDefault) != text(now.describeDefault) {
		diags = append(diags, problem(now.Brokers[""].Range, "Other default broker", "It keeps how far files were read, and commands come from there. %s", restart))
	}
	if text(c.describeControl) != text(now.describeControl) {
		diags = append(diags, problem(now.controlAt, "Other control bus", "%s", restart))
	}
	return now, diags
}

func text(describe func(io.Writer)) string {
	var text strings.Builder
	describe(&text)
	return text.String()
}

func (c *Config) describeDefault(w io.Writer) { describeBroker(w, c.Brokers[""]) }

// describeControl writes down what the control bus is.
func (c *Config) describeControl(w io.Writer) {
	block, declared := c.ControlBus()
	said := *block
	said.Topic.At = nil
	fmt.Fprintf(w, "%v %+v\n", declared, said)
	if topic := c.ControlTopic(); topic != nil {
		c.describe(w, topic.Ref, map[Ref]bool{})
	}
}

// LoadBeside loads further files, whose texts, by their names, were read already, with
// the options of c but for its files. What one of both keeps secret the other does too.
// given are values of variables that the files declare as dynamic, as JSON is decoded:
// see [IsOfGiven].
func (c *Config) LoadBeside(texts map[string][]byte, given map[string]any) (*Config, hcl.Diagnostics) {
	o := c.options
	o.Files, o.NoFiles, o.given = slices.Sorted(maps.Keys(texts)), false, given
	return load(o, texts, c.secrets)
}

// Names reports whether the options of c name the file at path: Reload would read it.
func (c *Config) Names(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	files, _ := syntax.Find(c.options.Files)
	return slices.ContainsFunc(files, func(name string) bool {
		other, err := os.Stat(name)
		return err == nil && os.SameFile(info, other)
	})
}

// Files returns the flow files that the Config was loaded from, sorted.
func (c *Config) Files() []string { return slices.Sorted(maps.Keys(c.files)) }

// Stamp says in which state all is that Reload would read: the flow files, those of
// variables, and what file() has read. It is another one when something was written,
// added or removed.
func (c *Config) Stamp() string {
	files, diags := syntax.Find(c.options.Files)
	names := append(files, c.options.VarFiles...)
	for _, key := range c.settings.all() {
		if path, ok := key.(readFile); ok {
			names = append(names, string(path))
		}
	}
	slices.Sort(names)
	var stamp strings.Builder
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintln(&stamp, name, err)
			continue
		}
		fmt.Fprintln(&stamp, name, info.Size(), info.ModTime().UnixNano())
	}
	return stamp.String() + diags.Error()
}
