package flowtest

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/eipd/eipd/eip"
	adapters "github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow"
)

// built puts stand-ins in the place of what leaves the process.
func (r *rig) built(c *flow.Config) error {
	r.inPlace(c)
	for name, a := range c.Adapters {
		c.Adapters[name] = r.standInAdapter(a)
	}
	for _, f := range c.Flows {
		for n := range eip.Walk(f.Stages()) {
			if n != nil {
				r.standInStage(c, n)
			}
		}
	}
	return nil
}

// standInAdapter returns an adapter that touches nothing outside.
func (r *rig) standInAdapter(a *flow.Adapter) *flow.Adapter {
	of := *a
	of.Component = &standIn{rig: r, name: "adapter." + a.Name, kind: a.Kind, of: a.Component}
	return &of
}

// standIn is an adapter in a test: as a source it is silent but for what the test sends in
// its place, as a sink it notes what it is given.
type standIn struct {
	rig  *rig
	name string
	kind string
	of   any // that it stands in for
}

func (s *standIn) OpenSource(context.Context, *adapters.Env) (adapters.Source, error) {
	in := &inputSource{input: s.rig.input(s.name), rig: s.rig, name: s.name}
	in.unruly.faults, in.unruly.at = s.rig.faults, s.name
	return in, nil
}

func (s *standIn) OpenSink(context.Context, *adapters.Env) (adapters.Sink, error) {
	sink := &standInSink{standIn: s}
	var err error
	if d, ok := s.of.(interface{ Destination() (eip.Text, error) }); ok {
		sink.path, err = d.Destination()
	}
	return sink, err
}

// PassesTests is of what it stands in for.
func (s *standIn) PassesTests() bool {
	p, ok := s.of.(interface{ PassesTests() bool })
	return !ok || p.PassesTests()
}

// standInSink notes what a sink adapter would have been given.
type standInSink struct {
	*standIn
	path eip.Text // nil: it has none
}

func (s *standInSink) Close() error { return nil }

func (s *standInSink) Handle(ctx context.Context, m *eip.Message) error {
	r := s.rig
	seen, at := r.ways.take(m)
	lost, err := r.faults.before(ctx, s.name, seen)
	if err != nil {
		return err
	}
	where := ""
	if s.path != nil {
		if where, err = s.path(ctx, seen); err != nil {
			return err
		}
	}
	way, ok := s.of.(adapters.OneWay)
	if asked := (!ok || !way.OneWay()) && seen.Replier() != nil; asked && r.stubs[s.name] == nil {
		return r.lacksStub(s.name, s.kind)
	} else if asked {
		if err := r.stubs[s.name].reply(ctx, seen); err != nil {
			return err
		}
	}
	r.arrived(s.name, seen, at, where)
	return lost
}

// input is what the test sends in place of a source adapter. Its readers compete.
type input struct {
	messages chan *eip.Message
	over     chan struct{} // closed: no more will come
	end      func()
}

// input returns that of an adapter.
func (r *rig) input(name string) *input {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.inputs[name]
	if in == nil {
		over := make(chan struct{})
		in = &input{make(chan *eip.Message, mostSent), over, sync.OnceFunc(func() { close(over) })}
		r.inputs[name] = in
	}
	return in
}

type inputSource struct {
	*input
	rig    *rig
	name   string
	unruly unruly
}

func (s *inputSource) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.unruly.receive(ctx, s.receive)
	return s.rig.took(ctx, s.name, m, err)
}

func (s *inputSource) receive(ctx context.Context) (*eip.Message, error) {
	select { // what was sent comes before the end
	case m := <-s.messages:
		return m, nil
	default:
	}
	select {
	case m := <-s.messages:
		return m, nil
	case <-s.over:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *inputSource) Close() error {
	s.unruly.close()
	return nil
}

// lacksStub notes that something leaves the process and nothing stands in for it.
func (r *rig) lacksStub(address, kind string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lacks[address] == "" {
		r.lacks[address] = kind
	}
	return eip.Permanent(fmt.Errorf("the test has no stub %q", address))
}

// field returns a field of a component; false where it has none of that type.
func field[T any](of any, name string) (v T, ok bool) {
	f := reflect.Indirect(reflect.ValueOf(of))
	if f.Kind() == reflect.Struct {
		f = f.FieldByName(name)
	}
	if !f.IsValid() || !f.CanInterface() {
		return v, false
	}
	v, ok = f.Interface().(T)
	return v, ok
}
