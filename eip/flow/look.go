package flow

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/setting"
)

// What a picture of flows is made of, beside what they run by.

// Declared returns the channels, adapters and brokers that blocks declare, in the order of
// the files.
func (c *Config) Declared() []Ref {
	at := map[Ref]hcl.Range{}
	for _, ch := range c.Channels {
		at[ch.Ref] = ch.Range
	}
	for name, a := range c.Adapters {
		at[Ref{"adapter", name}] = a.Range
	}
	for name, b := range c.Brokers {
		if name != "" {
			at[Ref{"broker", name}] = b.Range
		}
	}
	all := make([]Ref, 0, len(at))
	for r := range at {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Ref) int {
		x, y := at[a], at[b]
		return cmp.Or(slices.Index(c.order, x.Filename)-slices.Index(c.order, y.Filename), x.Start.Byte-y.Start.Byte, cmp.Compare(a.String(), b.String()))
	})
	return all
}

// RefsOf returns the channels and adapters that an option of a stage of the flow, or a
// body's To, leads to.
func (f *Flow) RefsOf(h eip.Handler) (all []Ref) {
	switch h := h.(type) {
	case side:
		return []Ref{h.Ref}
	case channelSide:
		return []Ref{h.Ref}
	case eip.Multicast:
		for _, one := range h {
			all = append(all, f.RefsOf(one)...)
		}
		return all
	}
	for _, i := range f.ways {
		if i.way == h {
			return []Ref{i.to}
		}
	}
	return nil
}

// PlaceOf returns where a stage of the flow, or a block within one, is written; the zero
// Range where nothing has this address.
func (f *Flow) PlaceOf(address string) hcl.Range {
	if b := f.parts[address]; b != nil {
		return b.Range()
	}
	return hcl.Range{}
}

// Sensitive stands in the place of an expression that is not shown.
const Sensitive = "(sensitive)"

// Expressions are the texts of the expressions of a Config. They are asked for by one
// goroutine.
type Expressions struct{ decoder *decoder }

// Expressions returns those of c.
func (c *Config) Expressions() *Expressions { return &Expressions{c.decoder()} }

// Text returns the text of an option of a stage, or of a block within one; "" where it has
// none, and Sensitive where it came from what is not shown.
func (e *Expressions) Text(f *Flow, address, option string) (text string) {
	b := f.parts[address]
	if b == nil || b.Body == nil { // or it stands for what is in no block
		return ""
	}
	d := e.decoder
	d.budget = setting.NewBudget()
	var beyond hcl.Diagnostics
	defer func() {
		if beyond != nil {
			text = ""
		}
	}()
	defer exceeded(&beyond)
	if a := optionOf(b, option); a != nil {
		if text = d.source(a); d.hide {
			text = Sensitive
		}
	}
	return text
}
