package flow

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// topLevel are the blocks that a file may hold, and how many labels each has.
var topLevel = map[string]int{"variable": 1, "environment": 1, "locals": 0, "broker": 1, "store": 1, "moved": 0, "schema": 1, "queue": 1, "topic": 1, "adapter": 2, "flow": 1, "service": 1, "group": 1, "interceptor": 1, "control_bus": 0}

// compile turns parsed files into the Config.
func (d *decoder) compile(files []*syntax.File) (diags hcl.Diagnostics) {
	defer func() { diags = append(d.diags, diags...) }()
	defer exceeded(&diags)
	blocks := d.gather(files)
	d.alone = true
	d.variables(blocks["variable"], blocks["environment"])
	d.alone = false
	d.names = nil // from here on settings see the variables
	d.locals(blocks["locals"])
	each := func(kind string, read func(*syntax.Block)) {
		for _, b := range blocks[kind] {
			read(b)
		}
	}
	each("broker", d.broker)
	d.defaultBroker()
	each("store", d.store)
	d.defaultStore()
	each("moved", d.moved)
	each("schema", d.schema)
	each("queue", d.channel)
	each("topic", d.channel)
	each("adapter", d.adapter)
	each("flow", d.flow_)
	d.config.interceptors = d.interceptors(blocks["interceptor"])
	d.intercept(d.config.interceptors)
	d.datatypes()
	each("group", d.group)
	d.controlBus(blocks["control_bus"])
	if !d.diags.HasErrors() {
		d.check()
	}
	return nil
}

// What a load takes for parts of it, in steps and bytes, as measured.
const (
	partSteps, partBytes   = 9_000, 200 // of an expression
	stageSteps, stageBytes = 50_000, 2_000
)

// spendParts counts an expression before it is compiled.
func (d *decoder) spendParts(parts int) (err error) {
	defer func() {
		if x, ok := recover().(setting.Exceeded); ok {
			err = x
		}
	}()
	d.budget.Spend(partSteps*(5+parts), partBytes*(5+parts))
	return nil
}

func (c *Config) decoder() *decoder {
	d := &decoder{config: c, settings: c.settings, budget: setting.NewBudget(), unsaid: map[hcl.Range]bool{}, decoded: map[any]*syntax.Block{}, mayBeGiven: map[string]bool{}}
	d.limits = &expression.Limits{Compile: d.spendParts}
	return d
}

// gather sorts all files' blocks by type, and enters their names.
func (d *decoder) gather(files []*syntax.File) map[string][]*syntax.Block {
	blocks := map[string][]*syntax.Block{}
	isBlock := func(name string) bool { _, ok := topLevel[name]; return ok }
	for _, f := range files {
		content, diags := f.Body.Content(isBlock, jsonLabels)
		d.diags = append(d.diags, diags...)
		for _, a := range content.Attributes {
			d.fail(problem(a.NameRange, "Unknown option", "%q stands outside of any block. A flow file holds blocks: %s.", a.Name, strings.Join(slices.Sorted(maps.Keys(topLevel)), ", ")))
		}
		for _, b := range content.Blocks {
			if d.header(b) {
				blocks[kindOf(b)] = append(blocks[kindOf(b)], b)
			}
		}
	}
	for _, b := range blocks["flow"] {
		d.ownQueue(b)
	}
	return blocks
}

// kindOf is how references name a block.
func kindOf(b *syntax.Block) string {
	if b.Type == "service" {
		return "flow"
	}
	return b.Type
}

// header checks a top-level block's type and labels, and enters its name.
func (d *decoder) header(b *syntax.Block) bool {
	labels, ok := topLevel[b.Type]
	if !ok {
		what := didYouMean(b.Type, slices.Collect(maps.Keys(topLevel)), "%s")
		if isStage(b.Type) {
			what = " It is a stage, and stands within a flow."
		}
		return d.fail(problem(b.TypeRange, "Unknown block", "There is no block %q.%s", b.Type, what))
	}
	if b.Type == "adapter" && len(b.Labels) < 2 {
		return d.fail(problem(b.Range(), "Missing label", "An adapter needs a kind and a name: adapter \"file\" \"in\" { … }."))
	}
	if len(b.Labels) < labels {
		return d.fail(problem(b.TypeRange, "Missing label", "The block %s needs a name: %s \"NAME\" { … }.", b.Type, b.Type))
	}
	if len(b.Labels) > labels {
		return d.fail(problem(b.Labels[labels].Range, "Too many labels", "%s", tooMany(b.Type, labels)))
	}
	if labels == 0 {
		return true
	}
	name := b.Labels[labels-1]
	if strings.Contains(name.Name, "${ ... }") {
		return false // the parser's stand-in for a template, which it has reported
	}
	if !validName(name.Name) {
		return d.fail(problem(name.Range, "Invalid name", "%q is no name. A name begins with a letter, and consists of letters, digits, _ and -.", name.Name))
	}
	kind := kindOf(b)
	names := d.settings.names[kind]
	if names == nil {
		names = map[string]hcl.Range{}
		d.settings.names[kind] = names
	}
	if earlier, taken := names[name.Name]; taken {
		what := article(kind)
		if kind == "flow" {
			what += " or service"
		}
		return d.fail(problem(b.Range(), "Duplicate name", "There is %s %q already, at %s. Each name may be used once.", what, name.Name, where(earlier)))
	}
	names[name.Name] = b.Range()
	return true
}

// tooMany says how many labels a block takes.
func tooMany(block string, labels int) string {
	switch labels {
	case 0:
		return fmt.Sprintf("A block %q takes no label: %s { … }.", block, block)
	case 1:
		return fmt.Sprintf("A block %q takes one label, its name: %s \"NAME\" { … }.", block, block)
	}
	return fmt.Sprintf("A block %q takes two labels, its kind and its name: %s \"KIND\" \"NAME\" { … }.", block, block)
}

// jsonLabels says whether a JSON object's only key is a label: of the top-level
// blocks by their number of labels, of others unless it is something that the
// block can hold.
func jsonLabels(block, key string) bool {
	kind, at, _ := strings.Cut(block, "/")
	if n, ok := topLevel[kind]; ok {
		return n > 0 && at != fmt.Sprint(n)
	}
	if at != "" {
		return false
	}
	stage, ok := eip.Stages.New(kind)
	if !ok {
		return false
	}
	s := schema.Of(stage)
	if s.Attribute(key) != nil || s.Nested(key) != nil || s.Body != nil && (key == "to" || isStage(key)) {
		return false
	}
	return true
}

func (d *decoder) locals(blocks []*syntax.Block) {
	for _, b := range blocks {
		content, diags := b.Body.Content(noBlock, jsonLabels)
		d.diags = append(d.diags, diags...)
		for _, inner := range content.Blocks {
			d.fail(problem(inner.Range(), "Option expected", "Locals are options: %s = ….", inner.Type))
		}
		for _, a := range content.Attributes {
			if earlier := d.settings.locals[a.Name]; earlier != nil {
				d.fail(problem(a.NameRange, "Duplicate name", "There is a local %q already, at %s. Each name may be used once.", a.Name, where(earlier.attribute.NameRange)))
				continue
			}
			d.settings.locals[a.Name] = &local{attribute: a}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.settings.locals)) {
		d.local(name)
	}
}

func (d *decoder) channel(b *syntax.Block) {
	kind, name := b.Type, b.Labels[0].Name
	c := &Channel{Ref: Ref{kind, name}, Range: b.Range()}
	c.ChannelBlock = newChannel()
	at := place{what: kind + " " + fmt.Sprintf("%q", name)}
	d.said = sha256.New()
	if kind == "topic" {
		t := &TopicBlock{ChannelBlock: c.ChannelBlock, Type: "topic"}
		d.decode(t, b, at)
		c.ChannelBlock, c.Type, c.Virtual = t.ChannelBlock, t.Type, t.Virtual
	} else {
		d.decode(&c.QueueBlock, b, at)
	}
	c.said = d.told()
	if c.Address == "" {
		c.Address = name
	}
	d.config.Channels[c.String()] = c
}

func (d *decoder) adapter(b *syntax.Block) {
	kind, name := b.Labels[0], b.Labels[1].Name
	component, ok := adapter.Registry.New(kind.Name)
	if !ok {
		d.fail(problem(kind.Range, "Unknown adapter", "There is no adapter of the kind %q.%s", kind.Name, didYouMean(kind.Name, adapter.Registry.Names(), "%q")))
		return
	}
	d.said = sha256.New()
	sound := d.decode(component, b, place{what: "adapter " + fmt.Sprintf("%q", kind.Name)})
	d.config.Adapters[name] = &Adapter{Kind: kind.Name, Name: name, Component: component, Range: b.Range(), block: b, said: d.told(), unsound: !sound}
}

func (d *decoder) flow_(b *syntax.Block) {
	name := b.Labels[0].Name
	f := newDecl(b)
	f.Name = name
	before := d.limits
	f.limits = &expression.Limits{Compile: before.Compile, Clock: before.Clock}
	d.flow, d.limits = f, f.limits
	defer func() { d.flow, d.limits = nil, before }()
	d.said = sha256.New()
	at := place{what: fmt.Sprintf("%s %q", b.Type, name), address: name}
	if b.Type == "service" {
		d.service(f, b, at)
	} else {
		d.decode(f.FlowBlock, b, at)
	}
	f.said = d.told()
	d.limits.Work = f.ExpressionBudget
	for _, r := range f.From {
		if a := d.config.Adapters[r.Name]; r.Kind == "adapter" && a != nil && !a.unsound {
			d.checkSource(a, r)
		}
		if c := d.config.Channels[r.String()]; c != nil && c.GroupBy != nil && f.OrderBy == nil {
			f.OrderBy = c.GroupBy
		}
	}
	d.unshared(f)
	if f.Subscription == "" {
		f.Subscription = name
	}
	d.config.Flows = append(d.config.Flows, f)
}

func (d *decoder) controlBus(blocks []*syntax.Block) {
	for i, b := range blocks {
		if i > 0 {
			d.fail(problem(b.Range(), "Duplicate block", "There is a control_bus already, at %s.", where(blocks[0].Range())))
			continue
		}
		d.config.control, d.config.controlAt = newControlBus(), b.Range()
		d.decode(d.config.control, b, place{what: "control_bus"})
	}
}
