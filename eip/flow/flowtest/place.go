package flowtest

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
)

// places are what a test may name of the flows under test.
type places struct {
	config *flow.Config
	flows  []*flow.Flow          // that run
	stages map[string]*eip.Named // by address
	reads  map[string]bool       // channels and adapters that these flows take messages from
	kinds  map[string]string     // of the stages
	at     map[[2]string]string  // names of channels by kind and address
}

func placesOf(c *flow.Config, names []string) (*places, error) {
	p := &places{config: c, stages: map[string]*eip.Named{}, kinds: map[string]string{}, reads: map[string]bool{}, at: map[[2]string]string{}}
	picked, err := c.Pick(names...)
	if err != nil {
		return nil, err
	}
	for name, ch := range c.Channels {
		p.at[[2]string{ch.Kind, ch.Address}] = name
	}
	for _, f := range picked {
		p.flows = append(p.flows, f)
		for n := range eip.Walk(f.Stages()) {
			if n != nil {
				p.stages[n.Address], p.kinds[n.Address] = n, f.StageKind(n.Address)
			}
		}
		for _, from := range f.From {
			p.reads[from.String()] = true
		}
		if dead := f.DeadQueue(); dead != nil && p.at[[2]string{"queue", dead.Address}] == "" {
			p.at[[2]string{"queue", dead.Address}] = dead.String()
		}
	}
	return p, nil
}

// named is how the flow files name a place where messages are sent.
func (p *places) named(to eip.Place) string {
	if name := p.at[[2]string{to.Kind, to.Name}]; name != "" {
		return name
	}
	return to.Kind + "." + to.Name
}

// has reports whether a place where messages are sent is one of the flows', and not the
// control bus' own.
func (p *places) has(name string) bool {
	if topic := p.config.ControlTopic(); topic != nil && topic.String() == name {
		return false
	}
	kind, of, _ := strings.Cut(name, ".")
	if kind == adapter {
		return p.config.Adapters[of] != nil
	}
	for _, known := range p.at {
		if known == name {
			return true
		}
	}
	return false
}

// A target is what a step of a test is about.
type target struct{ kind, name string }

func (t target) String() string { return t.kind + "." + t.name }

// The kinds of target.
const (
	queue, topic, adapter                = "queue", "topic", "adapter"
	aFlow, aStage, aBroker               = "flow", "stage", "broker"
	deadLetters, invalidMessages, source = "dead_letters", "invalid", "source"
)

// names returns what there is of a kind.
func (p *places) names(kind string) (names []string) {
	switch kind {
	case queue, topic:
		for name, ch := range p.config.Channels {
			if ch.Kind == kind {
				names = append(names, name)
			}
		}
		for _, f := range p.flows {
			if dead := f.DeadQueue(); kind == queue && dead != nil && f.DeadLetter == nil {
				names = append(names, dead.String())
			}
		}
	case adapter:
		for name := range p.config.Adapters {
			names = append(names, "adapter."+name)
		}
	case aFlow, deadLetters, invalidMessages:
		for _, f := range p.flows {
			names = append(names, kind+"."+f.Name)
		}
	case aStage:
		for address := range p.stages {
			names = append(names, "stage."+address)
		}
	case aBroker:
		for name, b := range p.config.Brokers {
			if name == b.Name {
				names = append(names, "broker."+cmp.Or(name, "default"))
			}
		}
	case source:
		for name := range p.reads {
			names = append(names, "source."+name)
		}
	}
	slices.Sort(names)
	return names
}

// find returns the target of that name, which is of one of the kinds. A stage may be named
// by its address alone. hint says what may be meant where there is none.
func (p *places) find(name string, kinds ...string) (t target, hint string, ok bool) {
	kind, rest, _ := strings.Cut(name, ".")
	if slices.Contains(kinds, kind) && slices.Contains(p.names(kind), name) {
		return target{kind, rest}, "", true
	}
	if slices.Contains(kinds, aStage) && p.stages[name] != nil {
		return target{aStage, name}, "", true
	}
	var all []string
	for _, k := range kinds {
		for _, n := range p.names(k) {
			if k == aStage {
				all = append(all, strings.TrimPrefix(n, "stage."))
			}
			if k != aStage || kind == aStage {
				all = append(all, n)
			}
		}
	}
	if hint = flow.DidYouMean(name, all); hint == "" {
		hint = " It takes the address of " + anyOf(kinds) + "."
	}
	return target{}, hint, false
}

// passed reports whether a message can pass an address, or fail there: that of a flow, a
// stage, a channel or an adapter. hint says what may be meant where it cannot.
func (p *places) passed(address string) (hint string, ok bool) {
	all := slices.Concat(sorted(p.stages), p.names(queue), p.names(topic), p.names(adapter))
	for _, f := range p.flows {
		all = append(all, f.Name)
	}
	if slices.Contains(all, address) {
		return "", true
	}
	return flow.DidYouMean(address, all), false
}

// way reports whether messages can go a way at a stage.
func (p *places) way(address, way string) (hint string, ok bool) {
	var ways map[string]int64
	if c, ok := p.stages[address].Stage.(eip.Counted); ok {
		ways = c.Stats().Branches
	}
	if _, ok := ways[way]; !ok {
		return cmp.Or(flow.DidYouMean(way, sorted(ways)), " It has none."), false
	}
	return "", true
}

// anyOf names kinds for people.
func anyOf(kinds []string) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = k + ".NAME"
		if k == aStage {
			words[i] = "a stage"
		}
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// reader is a flow under test that takes messages from a channel or adapter; nil: none.
func (p *places) reader(of string) *flow.Flow {
	for _, f := range p.flows {
		for _, from := range f.From {
			if from.String() == of {
				return f
			}
		}
	}
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
