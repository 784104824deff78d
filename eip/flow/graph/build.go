package graph

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage/control"
)

// Of returns the Model of flow files.
func Of(c *flow.Config) *Model {
	b := &builder{config: c, texts: c.Expressions(), model: &Model{Nodes: []Node{}, Edges: []Edge{}}, seen: map[string]bool{}, edges: map[string]bool{}}
	for _, r := range c.Declared() {
		switch r.Kind {
		case "broker":
			b.node(Node{ID: r.String(), Kind: KindBroker, Name: r.Name, At: place(c.Brokers[r.Name].Range)})
		case "adapter":
			a := c.Adapters[r.Name]
			b.node(Node{ID: r.String(), Kind: KindAdapter, Adapter: a.Kind, Name: r.Name, At: place(a.Range)})
		default:
			b.channel(c.Channels[r.String()], false)
		}
	}
	for _, f := range c.Flows {
		b.flow_(f)
	}
	for _, name := range c.ChannelNames() {
		if ch := c.Channels[name]; c.DeadLetterOf(ch) != nil {
			b.edge(name, c.DeadLetterOf(ch).String(), Expired)
		}
	}
	return b.model.seal()
}

// place writes where a block is; "" where none is.
func place(r hcl.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(r.Filename), r.Start.Line)
}

type builder struct {
	config *flow.Config
	texts  *flow.Expressions
	model  *Model
	seen   map[string]bool // nodes
	edges  map[string]bool
	flow   *flow.Flow // that is looked at
}

func (b *builder) node(n Node) {
	if !b.seen[n.ID] {
		b.seen[n.ID] = true
		b.model.Nodes = append(b.model.Nodes, n)
	}
}

func (b *builder) edge(from, to, kind string) {
	if e := newEdge(from, to, kind); !b.edges[e.ID] {
		b.edges[e.ID] = true
		b.model.Edges = append(b.model.Edges, e)
	}
}

func (b *builder) channel(ch *flow.Channel, implicit bool) {
	on := b.config.BrokerOf(ch)
	if implicit {
		on = b.config.SourceBroker(b.flow)
	}
	b.node(Node{ID: ch.String(), Kind: ch.Kind, Name: ch.Name, Broker: cmp.Or(on.Name, "default"), Implicit: implicit, At: place(ch.Range)})
}

func (b *builder) flow_(f *flow.Flow) {
	b.flow = f
	n := Node{ID: f.Name, Kind: KindFlow, Name: f.Name, Concurrency: f.Concurrency, At: place(f.Range)}
	if f.Service != nil {
		n.Kind = KindService
	}
	if n.Concurrency == 1 {
		n.Concurrency = 0
	}
	if !f.Enabled {
		n.State = Off
	}
	b.node(n)
	for _, from := range f.From {
		b.source(f, from.Ref)
	}
	b.pipe(f.Name, f.Body.Stages, f.Body.To, Message)
	b.beside(f)
	switch dead := f.DeadQueue(); {
	case f.DeadLetter != nil:
		b.refs(f.Name, f.DeadLetter, DeadLetter)
	case dead != nil:
		b.channel(dead, true)
		b.edge(f.Name, dead.String(), DeadLetter)
	}
	b.refs(f.Name, f.Invalid, Invalid)
}

// Off is the State of what is there and not switched on.
const Off = "off"

// source adds what a flow reads, with its subscription where it names one.
func (b *builder) source(f *flow.Flow, r flow.Ref) {
	from := r.String()
	if r.Kind == KindTopic && f.Subscription != f.Name {
		id := from + "." + f.Subscription
		b.node(Node{ID: id, Kind: KindSubscription, Name: f.Subscription, Broker: cmp.Or(b.config.BrokerOf(b.config.Channels[from]).Name, "default")})
		b.edge(from, id, Message)
		from = id
	}
	b.edge(from, f.Name, Message)
}

// pipe adds the stages of a body, and where it leads to. kind is that of the edges of what
// only passes: in a wire tap all are copies.
func (b *builder) pipe(in string, stages []eip.Stage, to eip.Handler, kind string) {
	for i, s := range stages {
		if named, ok := s.(*eip.Named); ok {
			b.stage(in, named, i+1, kind)
		}
	}
	b.refs(in, to, kind)
}

// beside adds the stages of interceptors that messages pass when they are sent.
func (b *builder) beside(f *flow.Flow) {
	orders := map[string]int{}
	for _, s := range f.Beside() {
		named, ok := s.(*eip.Named)
		if !ok {
			continue
		}
		in := named.Address[:strings.LastIndexByte(named.Address, '.')]
		b.node(Node{ID: in, Kind: KindInterceptor, In: f.Name, Name: in[strings.LastIndexByte(in, '.')+1:]})
		orders[in]++
		b.stage(in, named, orders[in], Message)
	}
}

func (b *builder) stage(in string, named *eip.Named, order int, pass string) {
	at := named.Address
	n := Node{ID: at, In: in, Order: order, Kind: b.flow.StageKind(at), At: place(b.flow.PlaceOf(at))}
	n.Pattern = control.PatternOf(n.Kind, named.Stage)
	if name := at[strings.LastIndexByte(at, '.')+1:]; !unlabelled(name, n.Kind) {
		n.Name = name
	}
	if e, ok := named.Stage.(eip.Ender); ok {
		n.Ends, _ = e.Ends()
	}
	s, v := schema.Of(named.Stage), reflect.ValueOf(named.Stage).Elem()
	if a := s.Attribute("enabled"); a != nil && a.Kind == schema.Bool && !a.Value(v).Bool() {
		n.State = Off
	}
	n.If = b.texts.Text(b.flow, at, "if")
	b.node(n)
	if n.Kind == "wire_tap" {
		pass = Copy
	}
	b.options(s, v, n.Kind, at, pass)
	b.states(named.Stage, at)
}

// unlabelled reports whether a name is what a stage without a label is called.
func unlabelled(name, kind string) bool {
	rest, ok := strings.CutPrefix(name, kind)
	return ok && strings.Trim(strings.TrimPrefix(rest, "_"), "0123456789") == ""
}

// options adds what the options of a stage, or of a block within one, lead to.
func (b *builder) options(s *schema.Block, v reflect.Value, stage, at, pass string) {
	var may []string
	for _, a := range s.Attributes {
		switch a.Kind {
		case schema.Handler:
			h, _ := a.Value(v).Interface().(eip.Handler)
			b.handler(stage, a.Name, at, h, pass)
		case schema.Targets:
			for _, t := range a.Value(v).Interface().([]eip.Target) {
				if a.Name == "allow" {
					may = append(may, t.Name)
					continue
				}
				b.handler(stage, a.Name, at, t.Handler, pass)
			}
		}
	}
	if may != nil {
		id := at + ".recipients"
		b.node(Node{ID: id, Kind: KindUnknown, In: at, May: may})
		b.edge(at, id, pass)
		for _, to := range may {
			b.edge(id, to, pass)
		}
	}
	if s.Body != nil {
		p := v.FieldByIndex(s.Body.Index).Addr().Interface().(*eip.Pipe)
		b.pipe(at, p.Stages, p.To, pass)
	}
	for _, n := range s.Blocks {
		b.nested(n, v, stage, at, pass)
	}
}

// nested adds the blocks within a stage: those that have a body, and what others lead to.
func (b *builder) nested(n *schema.Nested, v reflect.Value, stage, at, pass string) {
	field := v.FieldByIndex(n.Index)
	all := []reflect.Value{field}
	if n.Repeated {
		all = all[:0]
		for i := range field.Len() {
			all = append(all, field.Index(i))
		}
	}
	for _, one := range all {
		if one.Kind() == reflect.Pointer {
			if one.IsNil() {
				continue
			}
			one = one.Elem()
		}
		if n.Block.Body == nil {
			b.options(n.Block, one, n.Name, at, pass)
			continue
		}
		name := n.Name
		if n.Block.Label != nil {
			name = one.FieldByIndex(n.Block.Label.Index).String()
		}
		id := at + "." + name
		where := b.flow.PlaceOf(id)
		if where.Filename == "" {
			continue // the files have no such block
		}
		b.node(Node{ID: id, Kind: KindBranch, In: at, Name: name, If: b.texts.Text(b.flow, id, "if"), At: place(where)})
		b.options(n.Block, one, stage, id, pass)
	}
}

// handler adds the edges of an option of a stage that names channels or adapters.
func (b *builder) handler(stage, option, at string, h eip.Handler, pass string) {
	switch {
	case option == "service", option == "to" && (stage == "request" || stage == "scatter_gather"):
		for _, r := range b.flow.RefsOf(h) {
			b.edge(at, r.String(), Request)
			b.edge(r.String(), at, Reply)
		}
	case option == "control":
		for _, r := range b.flow.RefsOf(h) {
			b.edge(r.String(), at, pass)
		}
	case option == "reply_to":
		for _, r := range b.flow.RefsOf(h) {
			b.edge(r.String(), at, Reply)
		}
	case option == "dead_letter":
		b.refs(at, h, DeadLetter)
	case option == "invalid_message":
		b.refs(at, h, Invalid)
	case strings.HasSuffix(option, "_to"):
		b.refs(at, h, Discard)
	default:
		b.refs(at, h, pass)
	}
}

// refs adds the edges of a kind to what h leads to.
func (b *builder) refs(from string, h eip.Handler, kind string) {
	if h == nil {
		return
	}
	for _, r := range b.flow.RefsOf(h) {
		b.edge(from, r.String(), kind)
	}
}
