package flow

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow/schema"
)

// A Block is a kind of block that flow files know, with what may stand in it.
type Block struct {
	Name   string // as in flow files; of an adapter its kind
	Kind   string // "stage", "adapter" or "block"
	Schema *schema.Block
	// Component is one with its defaults.
	Component any
}

// Title is how the block is written.
func (b Block) Title() string {
	switch b.Kind {
	case "stage":
		return b.Name + ` ["NAME"]`
	case "adapter":
		return fmt.Sprintf(`adapter %q "NAME"`, b.Name)
	}
	switch topLevel[b.Name] {
	case 0:
		return b.Name
	default:
		return b.Name + ` "NAME"`
	}
}

// Blocks returns all kinds of block: those of the top level, adapters and stages,
// each group sorted.
func Blocks() (all []Block) {
	top := map[string]any{
		"variable": &variableBlock{}, "environment": &environmentBlock{}, "broker": &BrokerBlock{Reconnect: newReconnect()},
		"store": &StoreBlock{}, "moved": &movedBlock{}, "schema": &schemaBlock{}, "queue": &QueueBlock{ChannelBlock: newChannel()}, "topic": &TopicBlock{ChannelBlock: newChannel(), Type: "topic"},
		"flow": newFlow(), "service": newService(), "group": &groupBlock{}, "interceptor": &interceptorBlock{}, "control_bus": newControlBus(),
	}
	for _, name := range slices.Sorted(maps.Keys(top)) {
		all = append(all, Block{name, "block", schema.Of(top[name]), top[name]})
	}
	for _, name := range adapter.Registry.Names() {
		c, _ := adapter.Registry.New(name)
		all = append(all, Block{name, "adapter", schema.Of(c), c})
	}
	for _, name := range eip.Stages.Names() {
		c, _ := eip.Stages.New(name)
		all = append(all, Block{name, "stage", schema.Of(c), c})
	}
	return all
}

// An Option is one line of a block's reference.
type Option struct {
	Name     string // with the nested blocks around it: "retry.attempts"
	Takes    string
	Required bool
	Default  string // "": none
	Prose    string
}

// Options lists what may stand in the block, nested blocks after what they stand
// in. What stands in several of these is listed in the first.
func (b Block) Options() []Option {
	return lister{}.options("", b.Schema, reflect.Indirect(reflect.ValueOf(b.Component)))
}

// A lister knows in which nested block an option is listed, by the struct and the field that
// it lives in.
type lister map[listed]string

type listed struct {
	owner reflect.Type
	field string
}

// first reports whether an option is not listed yet. Where it is, as says so for the block
// that it stands in: which options are as in which other block.
func (l lister) first(f schema.Field, prefix string, as map[string][]string) bool {
	key := listed{f.Owner, f.GoName}
	in, again := l[key]
	if !again || prefix == "" {
		l[key] = strings.TrimSuffix(prefix, ".")
		return true
	}
	as[in] = append(as[in], "`"+f.Name+"`")
	return false
}

func (l lister) options(prefix string, s *schema.Block, defaults reflect.Value) (all []Option) {
	as := map[string][]string{}
	defer func() {
		for _, in := range slices.Sorted(maps.Keys(as)) {
			all = append(all, Option{Name: prefix + "…", Prose: fmt.Sprintf("%s: as in `%s`.", strings.Join(as[in], ", "), in)})
		}
	}()
	for _, a := range s.Attributes {
		if !defaults.IsValid() && !l.first(a.Field, prefix, as) {
			continue
		}
		o := Option{Name: prefix + a.Name, Takes: takes(a), Required: a.Required, Prose: a.Prose()}
		if defaults.IsValid() {
			o.Default = showDefault(a.Value(defaults))
		}
		all = append(all, o)
	}
	if s.Body != nil && !s.Body.Through {
		all = append(all, Option{Name: prefix + "to", Takes: string(schema.Handler), Prose: "Where messages go that pass the stages."})
	}
	if s.Body != nil {
		all = append(all,
			Option{Name: prefix + "STAGE", Takes: "block", Prose: "Stages, in the order in which they are written."})
	}
	for _, n := range s.Blocks {
		if !defaults.IsValid() && !l.first(n.Field, prefix, as) {
			continue
		}
		takes := "block"
		if n.Repeated {
			takes = "block, repeatable"
		}
		name := n.Name
		if n.Block.Label != nil {
			name += ` "NAME"`
		}
		all = append(all, Option{Name: prefix + name, Takes: takes, Required: n.Required, Prose: n.Prose()})
		inner := reflect.Value{}
		if defaults.IsValid() && !n.Repeated && !n.Pointer && len(n.Index) > 0 {
			inner = defaults.FieldByIndex(n.Index)
		}
		all = append(all, l.options(prefix+n.Name+".", n.Block, inner)...)
	}
	return all
}

func takes(a *schema.Attribute) string {
	if len(a.Options) > 0 {
		return "`" + strings.Join(a.Options, "` or `") + "`"
	}
	if a.Kind == schema.References {
		kinds := reflect.Zero(a.Type).Interface().(schema.Reference).ReferenceKinds()
		return strings.Join(kinds, ", ")
	}
	if a.Never {
		return string(a.Kind) + " or `never`"
	}
	return string(a.Kind)
}

// showDefault writes a default as a flow file would; "" for a zero value.
func showDefault(v reflect.Value) string {
	if v.IsZero() && v.Kind() != reflect.Bool {
		return ""
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return ShortDuration(x)
	case eip.Bytes:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64, reflect.String:
		return fmt.Sprint(v.Interface())
	}
	return ""
}

// ShortDuration leaves out the zero parts that Duration.String writes.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
