package schema

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/live"
)

// liveType returns T of an eip.Live[T], else t.
func liveType(t reflect.Type) (of reflect.Type, isLive bool) {
	if l, ok := reflect.New(t).Interface().(interface{ Option() live.Option }); ok {
		v, _ := l.Option().Value()
		return reflect.TypeOf(v), true
	}
	return t, false
}

// Option returns the attribute of a component's block, which is Live.
func (a *Attribute) Option(block reflect.Value) live.Option {
	return block.FieldByIndex(a.Index).Addr().Interface().(interface{ Option() live.Option }).Option()
}

// Value returns what the attribute holds in a component's block.
func (a *Attribute) Value(block reflect.Value) reflect.Value {
	if a.Live {
		v, _ := a.Option(block).Value()
		return reflect.ValueOf(v)
	}
	return block.FieldByIndex(a.Index)
}

// isLive reports whether anything in the block is Live.
func (b *Block) isLive() bool {
	return slices.ContainsFunc(b.Attributes, func(a *Attribute) bool { return a.Live }) ||
		slices.ContainsFunc(b.Blocks, func(n *Nested) bool { return n.Block.isLive() })
}

// Settable are the options of a component that may change while messages pass: its
// fields of type eip.Live. One of a nested block is named with the block's label, or
// else its name: "big.if". It is safe for concurrent use.
type Settable struct{ component any }

// SettableOf returns those of a component; false where its type has none.
func SettableOf(component any) (Settable, bool) {
	return Settable{component}, reflect.TypeOf(component).Kind() == reflect.Pointer && Of(component).isLive()
}

// liveOption is an Attribute of one component.
type liveOption struct {
	*Attribute
	live.Option
}

func (s Settable) options() map[string]liveOption {
	all := map[string]liveOption{}
	Of(s.component).live(all, "", reflect.ValueOf(s.component).Elem())
	return all
}

// live enters the options of a block.
func (b *Block) live(all map[string]liveOption, prefix string, v reflect.Value) {
	for _, a := range b.Attributes {
		if a.Live {
			all[prefix+a.Name] = liveOption{a, a.Option(v)}
		}
	}
	for _, n := range b.Blocks {
		blocks := []reflect.Value{v.FieldByIndex(n.Index)}
		if n.Repeated {
			blocks = nil
			for i := range v.FieldByIndex(n.Index).Len() {
				blocks = append(blocks, v.FieldByIndex(n.Index).Index(i))
			}
		}
		for _, inner := range blocks {
			if n.Pointer {
				inner = inner.Elem()
			}
			name := n.Name
			switch {
			case !inner.IsValid():
				continue // the block is absent
			case n.Block.Label != nil:
				name = inner.FieldByIndex(n.Block.Label.Index).String()
			}
			n.Block.live(all, prefix+name+".", inner)
		}
	}
}

// Settable returns the present values, by name. Expressions that nothing replaces are
// not among them.
func (s Settable) Settable() map[string]any {
	all := map[string]any{}
	for name, o := range s.options() {
		value, text := o.Option.Value()
		switch v := reflect.ValueOf(value); {
		case o.Never && v.Int() < 0:
			all[name] = "never"
		case !o.Kind.Expression():
			all[name] = plain(v)
		case *o.Compiler() != nil:
			all[name] = text
		}
	}
	return all
}

// plain returns a value as JSON has it.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	return v.Int()
}

// Set changes one to what an operator gave: a value of its kind, or the text of one.
// Where that is refused, nothing changes.
func (s Settable) Set(name string, value any) error {
	o, ok := s.options()[name]
	if !ok {
		return fmt.Errorf("set %s: there is no such attribute", name)
	}
	v, text, err := o.read(value)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	was, wasText := o.Option.Value()
	o.SetValue(v, text)
	if err := s.refused(name); err != nil {
		o.SetValue(was, wasText)
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// refused is what the component itself says of an option as it is now. What it says of
// others is none of this one's: it may be about to be set too, or given back.
func (s Settable) refused(name string) error {
	if v, ok := s.component.(eip.Validator); ok {
		var wrong *eip.OptionError
		if errors.As(v.Validate(), &wrong) && wrong.Option == name {
			return wrong.Err
		}
	}
	return nil
}

func (o liveOption) read(value any) (v any, text string, err error) {
	text, isText := value.(string)
	if !isText {
		text = fmt.Sprint(value) // true and "true" are the same, also as an expression
	}
	if o.Kind.Expression() {
		v, err = o.compile(value, text)
		return v, text, err
	}
	into := reflect.New(o.Type).Elem()
	if !o.parse(into, text) || into.Kind() == reflect.String && !isText {
		what := settable[o.Kind]
		if o.Kind == Enum {
			what += ": " + strings.Join(o.Options, ", ")
		}
		return nil, "", fmt.Errorf("%v is %s", value, what)
	}
	if bounded, ok := into.Interface().(eip.Validator); ok {
		err = bounded.Validate()
	}
	return into.Interface(), "", err
}

func (o liveOption) compile(value any, text string) (any, error) {
	compile := *o.Compiler()
	if compile == nil {
		return nil, live.ErrNotDynamic
	}
	switch value.(type) {
	case string, bool:
		return compile(text)
	}
	return nil, fmt.Errorf("%v is no expression, which is a string", value)
}

// parse reads a text of the attribute's kind.
func (a *Attribute) parse(into reflect.Value, text string) (ok bool) {
	switch a.Kind {
	case Bool:
		into.SetBool(text == "true")
		return text == "true" || text == "false"
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		into.SetInt(n)
		return err == nil && into.Int() == n
	case Float:
		f, err := strconv.ParseFloat(text, 64)
		into.SetFloat(f)
		return err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	case Duration:
		if a.Never && text == "never" {
			into.SetInt(-1)
			return true
		}
		d, err := time.ParseDuration(text)
		into.SetInt(int64(d))
		return err == nil && d >= 0
	}
	into.SetString(text)
	return a.Kind == String || slices.Contains(a.Options, text)
}
