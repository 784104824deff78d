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
	"github.com/eipd/eipd/eip/jsonschema"
	"github.com/eipd/eipd/internal/secret"
	"github.com/eipd/eipd/internal/visible"
)

// Options say what to load.
type Options struct {
	Files     []string          // files, globs and folders
	NoFiles   bool              // there need not be any
	Variables map[string]string // --var
	VarFiles  []string          // --var-file
	// Environment is the environment that gives variables their values; "": none.
	Environment string
	// LookupEnv finds environment variables; nil means the process' own.
	LookupEnv func(name string) (string, bool)
	// Broker is the URL of the default broker; "" leaves it to the files.
	Broker string
	// Store is the URL of the default store; "" leaves it to the files.
	Store string

	given     map[string]any // what the control bus gives variables
	checks    bool           // the files are only checked
	elsewhere bool           // they are to run where other environment variables are set
}

// A Config is what a set of flow files says. It is not running, and nothing changes it:
// it is safe for concurrent use, and what runs is built of it anew each time.
type Config struct {
	Flows    []*Flow // in the order of the files
	Brokers  map[string]*Broker
	Channels map[string]*Channel // "queue.orders"
	Adapters map[string]*Adapter // by name
	Stores   map[string]*Store   // by name; "": the default one
	Moved    []*Moved            // in the order of the files

	options   Options
	files     map[string]*syntax.File
	order     []string // of the files' names
	variables map[string]*syntax.Block
	settings  *settings
	secrets   *secret.Set
	control   *ControlBusBlock // nil: no file says anything of it
	controlAt hcl.Range
	groups    map[string]*groupBlock
	schemas   map[string]*jsonschema.Schema // by name; only those that could be read

	interceptors []*interceptor    // in the order in which messages pass them
	environments []string          // in the order of the files
	unvalued     []*hcl.Diagnostic // variables that only environments give a value
}

// A Broker is a declared broker, or the default one, which may have no name.
type Broker struct {
	BrokerBlock
	Range hcl.Range
}

// A Channel is a declared queue or topic, or the dead-letter queue of a flow that
// declares none.
type Channel struct {
	Ref
	QueueBlock
	Type    string // of a topic
	Virtual bool   // of a topic
	Range   hcl.Range
	said    []byte // a digest of the block; nil: no block declares it
	// ReadBy and WrittenBy are the flows that do, and what else does.
	ReadBy, WrittenBy []string
}

// An Adapter is a declared channel adapter. Component is opened where the Config was
// built to run, see [Config.Build].
type Adapter struct {
	Kind, Name string
	Component  any
	Range      hcl.Range
	block      *syntax.Block
	said       []byte // a digest of the block
	unsound    bool   // not all options could be read
}

// Load reads, checks and compiles flow files, without connecting to anything. The
// diagnostics come sorted; if they have errors the Config is of no use but to
// print them.
func Load(o Options) (*Config, hcl.Diagnostics) { return load(o, nil, &secret.Set{}) }

// load is Load; texts are those of the files, where they were read.
func load(o Options, texts map[string][]byte, secrets *secret.Set) (*Config, hcl.Diagnostics) {
	c := &Config{options: o, secrets: secrets, Brokers: map[string]*Broker{}, Channels: map[string]*Channel{}, Adapters: map[string]*Adapter{}, Stores: map[string]*Store{},
		files: map[string]*syntax.File{}, variables: map[string]*syntax.Block{}, settings: newSettings(), groups: map[string]*groupBlock{}, schemas: map[string]*jsonschema.Schema{}}
	d := c.decoder()
	d.beside = texts != nil
	names, diags := o.Files, hcl.Diagnostics(nil)
	if texts == nil {
		names, diags = syntax.Find(o.Files)
	}
	total := 0
	var files []*syntax.File
	for _, name := range names {
		f, more := read(name, texts[name], d.budget)
		diags = append(diags, more...)
		if f == nil {
			continue
		}
		c.files[name] = f
		c.order = append(c.order, name)
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
		d.gather(files)
		diags = append(diags, d.diags...)
	} else {
		diags = d.compile(files)
	}
	for _, diag := range d.unset {
		diag.Severity = hcl.DiagWarning
	}
	diags = few(diags)
	for _, diag := range diags {
		diag.Detail = visible.Short(d.unshown.Hide(c.Redact(diag.Detail)), maxDetail)
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

// read parses a file within the budget: source, where that was read already.
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

// lookupEnv finds an environment variable; nil where it is not set. All of the Config
// sees what it was when it was first asked for.
func (c *Config) lookupEnv(name string) *string {
	type env string
	v, _ := once(c.settings, env(name), func() (*string, error) {
		lookup := os.LookupEnv
		if c.options.LookupEnv != nil {
			lookup = c.options.LookupEnv
		}
		v, ok := lookup(name)
		c.secrets.Learn(name, v)
		if !ok {
			return nil, nil
		}
		return &v, nil
	})
	return v
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

// Pick returns the flows of these names; of none, all that are enabled.
func (c *Config) Pick(names ...string) (flows []*Flow, err error) {
	for _, n := range names {
		if !slices.Contains(c.FlowNames(), n) {
			return nil, fmt.Errorf("there is no flow %q.%s", n, didYouMean(n, c.FlowNames(), "%s"))
		}
	}
	for _, f := range c.Flows {
		if len(names) == 0 && f.Enabled || slices.Contains(names, f.Name) {
			flows = append(flows, f)
		}
	}
	return flows, nil
}

// ControlBus returns what the files say of the control bus, or else its defaults;
// declared says which.
func (c *Config) ControlBus() (block *ControlBusBlock, declared bool) {
	if c.control != nil {
		return c.control, true
	}
	return newControlBus(), false
}

// ControlTopic returns the topic that the control bus is said to read; nil for none.
func (c *Config) ControlTopic() *Channel {
	if c.control == nil || c.control.Topic.At == nil {
		return nil
	}
	return c.Channels[c.control.Topic.At.String()]
}

// Secrets are what must be hidden wherever it would be said: the values of sensitive
// variables and settings.
func (c *Config) Secrets() *secret.Set { return c.secrets }

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

// MaxFile is how many bytes a flow file may have, and MaxTotal all that are loaded.
const (
	MaxFile  = syntax.MaxFile
	MaxTotal = syntax.MaxTotal
)

// Find expands what a command line names: files, globs and folders, of which it
// takes every .hcl and .hcl.json, those of tests included.
func Find(args []string) ([]string, hcl.Diagnostics) { return syntax.FindAll(args) }

// IsJSON reports whether a flow file of this name is in HCL's JSON form.
func IsJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// CheckSyntax parses one flow file, and checks nothing else.
func CheckSyntax(name string, src []byte) hcl.Diagnostics {
	_, diags := syntax.Parse(name, src, func(int, int) {})
	return diags
}
