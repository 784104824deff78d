package flow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// interceptorBlock puts stages into every flow that fits: before its own, or before
// what it sends. A message that they drop ends there.
type interceptorBlock struct {
	Name string `flow:",label"`
	// receive: the stages stand before those of each flow that fits. send: each message
	// passes them before it is sent to a channel or adapter that fits.
	On direction `flow:"on,required"`
	// What fits: channels and adapters, and flows with all that they read, or send to.
	// Without it, all, but for channels of dead letters and the control bus.
	Only interceptedRefs `flow:"only"`
	// What does not fit all the same.
	Except interceptedRefs `flow:"except"`
	// The interceptor with the lower number is passed first. Of equal ones, it is the one
	// that stands first in the files.
	Order int      `flow:"order"`
	Body  eip.Pipe `flow:",body,through"`
}

type direction string

const (
	receive direction = "receive"
	send    direction = "send"
)

func (direction) Options() []string { return []string{string(receive), string(send)} }

// Validate checks that there is something to pass.
func (i *interceptorBlock) Validate() error {
	if len(i.Body.Stages) == 0 {
		return errors.New("it needs stages that messages pass")
	}
	return nil
}

// interceptor is an interceptor block, read.
type interceptor struct {
	interceptorBlock
	block *syntax.Block
}

// interception is what is known of interceptors while they are put into flows.
type interception struct {
	all     []*interceptor
	special map[Ref]bool // channels that must be named
	used    map[*interceptor]bool
}

// interceptors reads the blocks, each by itself, so that what is wrong with one is said
// once, and returns those that are well, in their order.
func (d *decoder) interceptors(blocks []*syntax.Block) (all []*interceptor) {
	d.direct = true
	defer func() { d.direct = false }()
	for _, b := range blocks {
		i, before := &interceptor{block: b}, len(d.diags)
		i.Name = b.Labels[0].Name
		d.flow = newDecl(b)
		sound := d.decode(&i.interceptorBlock, b, place{what: fmt.Sprintf("interceptor %q", i.Name), address: i.Name})
		d.flow = nil
		if !sound || d.diags[before:].HasErrors() {
			continue
		}
		all = append(all, i)
		last := i.Body.Stages[len(i.Body.Stages)-1].(*eip.Named)
		if e, ok := last.Stage.(eip.Ender); ok {
			if _, passes := e.Ends(); !passes {
				d.diags = append(d.diags, warning(b.Range(), "Unreachable stages", "%s lets no message pass, so none gets behind the interceptor.", last.Address))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *interceptor) int { return cmp.Compare(a.Order, b.Order) })
	return all
}

// intercept puts interceptors into all flows, and warns of those that fit none.
func (d *decoder) intercept(all []*interceptor) {
	if len(all) == 0 {
		return
	}
	x := &interception{all, d.special(), map[*interceptor]bool{}}
	for _, f := range d.config.Flows {
		d.interceptFlow(f, x)
	}
	for _, i := range all {
		if !x.used[i] {
			d.diags = append(d.diags, warning(i.block.Range(), "Unused interceptor", "The interceptor %q fits no flow: none %ss what it names.", i.Name, i.On))
		}
	}
}

// special are the channels that must be named to be intercepted.
func (d *decoder) special() map[Ref]bool {
	special := map[Ref]bool{}
	for _, f := range d.config.Flows {
		for r := range f.lastResort {
			special[r] = true
		}
	}
	for _, ch := range d.config.Channels {
		if dead := d.config.DeadLetterOf(ch); dead != nil {
			special[dead.Ref] = true
		}
	}
	if ch := d.config.ControlTopic(); ch != nil {
		special[ch.Ref] = true
	}
	return special
}

// interceptFlow puts interceptors into a flow. What their stages send is not
// intercepted.
func (d *decoder) interceptFlow(f *Flow, x *interception) {
	before := d.limits
	d.flow, d.limits, d.direct = f, f.limits, true
	defer func() { d.flow, d.limits, d.direct = nil, before, false }()
	own := slices.DeleteFunc(slices.Clone(f.Endpoints), func(e *Endpoint) bool { return !f.SendsTo(e.Ref) })
	var first []eip.Stage
	for _, i := range x.all {
		if i.On == receive {
			if x.fits(i, f, refsOf(f.From)...) {
				x.used[i] = true
				first = append(first, d.put(i, f)...)
			}
			continue
		}
		var stages []eip.Stage
		for _, e := range own {
			if !x.fits(i, f, e.Ref) {
				continue
			}
			x.used[i] = true
			if stages == nil {
				stages = d.put(i, f)
				f.beside = append(f.beside, stages...)
			}
			e.before = append(e.before, stages...)
			said := sha256.Sum256(append(f.said, e.String()...))
			f.said = said[:]
		}
	}
	f.Body.Stages = append(first, f.Body.Stages...)
	for _, e := range own {
		e.intercept()
	}
	f.Body.To = f.passing(f.Body.To)
	for _, s := range eip.Walk(f.Body.Stages) {
		if n, ok := s.(eip.Nester); ok {
			for _, p := range n.Nested() {
				p.To = f.passing(p.To)
			}
		}
	}
}

// fits reports whether the interceptor stands before what f reads from, or sends to, all
// of these.
func (x *interception) fits(i *interceptor, f *Flow, refs ...Ref) bool {
	names := func(list interceptedRefs, r Ref) bool {
		return slices.ContainsFunc(list, func(l *located) bool { return l.Ref == r })
	}
	named, flow := false, Ref{"flow", f.Name}
	for _, r := range refs {
		if names(i.Except, r) {
			return false
		}
		named = named || names(i.Only, r)
	}
	switch {
	case names(i.Except, flow):
		return false
	case named, i.On == receive && names(i.Only, flow):
		return true
	case slices.ContainsFunc(refs, func(r Ref) bool { return x.special[r] }):
		return false
	}
	return i.Only == nil || names(i.Only, flow)
}

func refsOf(list []*located) (all []Ref) {
	for _, l := range list {
		all = append(all, l.Ref)
	}
	return all
}

// put decodes an interceptor's stages anew, as those of a flow.
func (d *decoder) put(i *interceptor, f *Flow) []eip.Stage {
	address := f.Name + "." + i.Name
	for other := range f.parts {
		if other == address || strings.HasPrefix(other, address+".") {
			d.fail(problem(i.block.Range(), "Duplicate name", "The flow %q, at %s, has a stage of its own that is called %q. Give one of them another name.", f.Name, where(f.Range), i.Name))
			return nil
		}
	}
	d.said = sha256.New()
	d.said.Write(f.said)
	d.tell(i.On, i.Name)
	s, pipe, b := schema.Of(&i.interceptorBlock), &eip.Pipe{}, i.block
	stages := slices.DeleteFunc(d.content(s, b).Blocks, func(b *syntax.Block) bool { return !isStage(b.Type) })
	d.body(pipe, s.Body, stages, b, place{what: fmt.Sprintf("interceptor %q", i.Name), address: address})
	f.said = d.told()
	return pipe.Stages
}

// intercept has what stages send pass the stages before the Endpoint. They count what
// they send themselves.
func (e *Endpoint) intercept() {
	if e.before == nil {
		return
	}
	last := eip.StageFunc(func(ctx context.Context, m *eip.Message, _ eip.Handler) error { return e.Handle(ctx, m) })
	e.through = eip.Chain(append(slices.Clone(e.before), last), eip.Discard)
}

// passing makes of a body's To one by which messages pass interceptors, and that counts
// as sent only what gets through.
func (f *Flow) passing(to eip.Handler) eip.Handler {
	var s side
	switch to := to.(type) {
	case side:
		s = to
	case channelSide:
		s = to.side
	case eip.Multicast:
		for i, h := range to {
			to[i] = f.passing(h)
		}
	}
	if s.Endpoint == nil || s.before == nil || s.direct {
		return to
	}
	way := eip.Chain(s.before, s.Endpoint)
	f.ways = append(f.ways, intercepted{way, s.Ref})
	return way
}

// intercepted is where a body's To leads behind interceptors.
type intercepted struct {
	way eip.Handler
	to  Ref
}
