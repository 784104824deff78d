package flow

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/internal/secret"
)

// Options say what to load.
type Options struct {
	Files     []string          // files, globs and folders
	NoFiles   bool              // there need not be any
	Variables map[string]string // --var
	VarFiles  []string          // --var-file
	// LookupEnv finds environment variables; nil means the process' own.
	LookupEnv func(name string) (string, bool)
	// Broker is the URL of the default broker; "" leaves it to the files.
	Broker string

	secrets *secret.Set // of a host; nil: its own
	source  []byte      // of the one file, where that was read
}

// A Config is what a set of flow files says. It is not running.
type Config struct {
	Flows    []*Flow // in the order of the files
	Brokers  map[string]*Broker
	Channels map[string]*Channel // "queue.orders"
	Adapters map[string]*Adapter // by name

	options      Options
	files        map[string]*syntax.File
	variables    map[string]*syntax.Block
	secrets      *secret.Set
	control      *controlBusBlock
	budget       *setting.Budget // of the load
	unshown      secret.Set      // what came from the environment and files
	unshownBytes int
}

// A Broker is a declared broker, or the default one.
type Broker struct {
	BrokerBlock
	Range hcl.Range
}

// A Channel is a declared queue or topic.
type Channel struct {
	ref
	QueueBlock
	Type  string // of a topic
	Range hcl.Range
	// read and written say which flows do.
	read, written []string
}

// An Adapter is a declared channel adapter.
type Adapter struct {
	Kind, Name string
	Component  any
	Range      hcl.Range
	block      *syntax.Block
}

// Load reads, checks and compiles flow files, without connecting to anything. The
// diagnostics come sorted; if they have errors the Config is of no use but to
// print them.
func Load(o Options) (*Config, hcl.Diagnostics) {
	if o.secrets == nil {
		o.secrets = &secret.Set{}
	}
	c := &Config{options: o, secrets: o.secrets, budget: setting.NewBudget(), Brokers: map[string]*Broker{}, Channels: map[string]*Channel{}, Adapters: map[string]*Adapter{},
		files: map[string]*syntax.File{}, variables: map[string]*syntax.Block{}}
	names, diags := o.Files, hcl.Diagnostics(nil)
	if o.source == nil {
		names, diags = syntax.Find(o.Files)
	}
	total := 0
	var files []*syntax.File
	for _, name := range names {
		f, more := read(name, o.source, c.budget)
		diags = append(diags, more...)
		if f == nil {
			continue
		}
		c.files[name] = f
		if f.Body == nil {
			continue
		}
		if total += len(f.Bytes); total > syntax.MaxTotal {
			return c, append(diags, problem(hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos},
				"Configuration too large", "The flow files have more than 8 MiB together."))
		}
		files = append(files, f)
	}
	if !diags.HasErrors() && len(files) == 0 && !o.NoFiles {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "No flow files", Detail: "Name at least one flow file, or a folder that holds some."})
	}
	if diags.HasErrors() { // what a broken file declares is not known; only the rest is checked
		d := c.decoder()
		d.gather(files)
		diags = append(diags, d.diags...)
	} else {
		diags = c.compile(files)
	}
	diags = few(diags)
	for _, d := range diags {
		d.Detail = shorten(c.unshown.Hide(c.Redact(d.Detail)))
	}
	return c, sortDiagnostics(diags)
}

// few leaves out what nobody reads: warnings where there are errors, and what is
// beyond the first hundred.
func few(diags hcl.Diagnostics) hcl.Diagnostics {
	if len(diags) <= maxProblems {
		return diags
	}
	more := &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "More problems", Detail: fmt.Sprintf("There are more than these %d.", maxProblems)}
	if diags.HasErrors() {
		diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	}
	if len(diags) <= maxProblems {
		return diags
	}
	return append(diags[:maxProblems:maxProblems], more)
}

// maxProblems is how many diagnostics a load gives, and maxDetail how many bytes
// each says.
const (
	maxProblems = 100
	maxDetail   = 2000
)

func shorten(detail string) string {
	if len(detail) <= maxDetail {
		return detail
	}
	return strings.ToValidUTF8(detail[:maxDetail], "") + " …"
}

// read reads and parses a file within the budget.
// read parses a file: source, where that was read already.
func read(name string, source []byte, b *setting.Budget) (f *syntax.File, diags hcl.Diagnostics) {
	defer exceeded(&diags)
	b.At(hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos})
	if source != nil {
		return syntax.Parse(name, source, b.Spend)
	}
	return syntax.Read(name, b.Spend)
}

// exceeded makes a diagnostic of the panic that ends a load beyond its budget.
func exceeded(diags *hcl.Diagnostics) {
	switch p := recover().(type) {
	case nil:
	case setting.Exceeded:
		*diags = append(*diags, problem(p.At, "Too much", "To load this needs more than %s. Nothing that people write does; write less, or split it.", p.What))
	case manyProblems:
	default:
		panic(p)
	}
}

func (c *Config) lookupEnv(name string) (string, bool) {
	lookup := os.LookupEnv
	if c.options.LookupEnv != nil {
		lookup = c.options.LookupEnv
	}
	v, ok := lookup(name)
	c.secrets.Learn(name, v)
	return v, ok
}

// WriteDiagnostics prints diagnostics for people: file, line and column, the
// source with the guilty part underlined, and what to do.
func (c *Config) WriteDiagnostics(w io.Writer, diags hcl.Diagnostics, color bool) error {
	files := map[string]*hcl.File{}
	for name, f := range c.files {
		files[name] = &hcl.File{Bytes: f.Bytes}
	}
	var text strings.Builder
	for _, d := range diags {
		c.writeDiagnostic(&text, d, files, color)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// FlowNames returns the flows' names in the order of the files.
func (c *Config) FlowNames() []string {
	names := make([]string, len(c.Flows))
	for i, f := range c.Flows {
		names[i] = f.Name
	}
	return names
}

// ChannelNames returns the channels as the flow files name them, sorted.
func (c *Config) ChannelNames() []string { return slices.Sorted(maps.Keys(c.Channels)) }

func (c *Channel) String() string { return fmt.Sprintf("%s.%s", c.kind, c.name) }

// Find expands what a command line names: files, globs and folders, of which it
// takes every .hcl and .hcl.json.
func Find(args []string) ([]string, hcl.Diagnostics) { return syntax.Find(args) }

// IsJSON reports whether a flow file of this name is in HCL's JSON form.
func IsJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// CheckSyntax parses one flow file, and checks nothing else.
func CheckSyntax(name string, src []byte) hcl.Diagnostics {
	_, diags := syntax.Parse(name, src, func(int, int) {})
	return diags
}
