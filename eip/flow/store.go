package flow

import (
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/store"
)

// StoreBlock names a place where stages remember.
type StoreBlock struct {
	Name string `flow:",label"`
	// Where the store is; the scheme picks its kind. embedded: is the file of the embedded
	// broker in the data directory, embedded:DIR one in another directory, and memory:
	// forgets all when the process ends.
	URL string `flow:"url,required"`
	// Stages that name no store remember in this one.
	Default bool `flow:"default"`
}

// A Store is a declared store, or the default one, which may have no name.
type Store struct {
	StoreBlock
	Range hcl.Range
}

// store decodes a store block.
func (d *decoder) store(b *syntax.Block) {
	s := &Store{Range: b.Range()}
	at := place{what: fmt.Sprintf("store %q", b.Labels[0].Name)}
	before := len(d.diags)
	sound := d.decode(&s.StoreBlock, b, at)
	s.Name = b.Labels[0].Name
	d.config.Stores[s.Name] = s
	if !sound || d.diags[before:].HasErrors() {
		return
	}
	if _, _, err := store.Lookup(s.URL); err != nil {
		d.blame(b, at, &eip.OptionError{Option: "url", Err: err})
	}
}

// defaultStore picks the store of the stages that name none: the command line's, else the
// environment's, else the marked one, else the embedded one.
func (d *decoder) defaultStore() {
	c := d.config
	all := map[string]hcl.Range{}
	for name, s := range c.Stores {
		if s.Default {
			all[name] = s.Range
		}
	}
	marked := c.Stores[d.marked("store", all)]
	from, url := d.defaultURL("store", c.options.Store)
	switch {
	case url != "":
		c.secrets.Learn("url", url)
		if _, _, err := store.Lookup(url); err != nil {
			d.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong store", Detail: fmt.Sprintf("%s: %v.", from, err)})
		}
	case marked != nil:
		c.Stores[""] = marked
		return
	default:
		url = "embedded:"
	}
	c.Stores[""] = &Store{StoreBlock: StoreBlock{URL: url}}
}

// StoreOf returns the store of a stage that remembers.
func (c *Config) StoreOf(p *store.Place) *Store { return c.Stores[p.Name()] }

// A Memory is a store, and the addresses of stages that remember in it.
type Memory struct {
	*Store
	Stages []string
}

// Memories returns where stages of flows remember, in the order of the flows.
func (c *Config) Memories(flows []*Flow) (all []*Memory) {
	for _, f := range flows {
		for n, s := range eip.Walk(f.Stages()) {
			r, ok := s.(store.Rememberer)
			if !ok || n == nil {
				continue
			}
			in := c.StoreOf(r.Place())
			i := slices.IndexFunc(all, func(m *Memory) bool { return m.Store == in })
			if i < 0 {
				i, all = len(all), append(all, &Memory{Store: in})
			}
			all[i].Stages = append(all[i].Stages, n.Address)
		}
	}
	return all
}

// movedBlock says that a stage has another address than it had, so that what it remembers
// goes with it.
type movedBlock struct {
	// The address that the stage had: FLOW.STAGE.
	From string `flow:"from,required"`
	// The address that it has now.
	To string `flow:"to,required"`
}

func (m *movedBlock) Validate() error {
	if m.From == m.To {
		return eip.OptionErrorf("to", "it is the address that it had")
	}
	return nil
}

// Moved says that what the stage at From remembered is that of the stage at To.
type Moved struct {
	From, To string
	Range    hcl.Range
}

func (d *decoder) moved(b *syntax.Block) {
	m := &movedBlock{}
	before := len(d.diags)
	if d.decode(m, b, place{what: "moved"}) && !d.diags[before:].HasErrors() {
		d.config.Moved = append(d.config.Moved, &Moved{m.From, m.To, b.Range()})
	}
}

// checkMemory looks at where stages remember.
func (d *decoder) checkMemory() {
	remembers := map[string]bool{}
	for _, f := range d.config.Flows {
		for n, s := range eip.Walk(f.Stages()) {
			if _, ok := s.(store.Rememberer); ok && n != nil {
				remembers[n.Address] = true
			}
		}
		switch stage := d.remembersAlone(f); {
		case stage == "":
		case f.single != "":
			d.diags = append(d.diags, warning(f.Range, "It remembers alone",
				"What %s remembers is in a store of this process. Another process that runs the flow %q takes over its messages when this one ends, but not what it remembered: that waits for this one's return.", stage, f.Name))
		default:
			d.diags = append(d.diags, warning(f.Range, "It remembers alone",
				"Other processes may read what the flow %q reads, and what %s remembers is in a store of this process: each would know only of its own messages. Run the flow in one process.", f.Name, stage))
		}
	}
	for _, m := range d.config.Moved {
		if !remembers[m.To] {
			d.fail(problem(m.Range, "Nobody remembers", "There is no stage %s that remembers.", d.shown("%s", m.To)))
		}
		if remembers[m.From] {
			d.fail(problem(m.Range, "Not moved", "The stage %s is still there, and remembers for itself.", d.shown("%s", m.From)))
		}
	}
}

// describeStores writes down where the stages of a flow remember.
func (c *Config) describeStores(w io.Writer, f *Flow) {
	for _, p := range store.Places(f.Stages()) {
		fmt.Fprintf(w, "%q %q\n", p.Name(), c.StoreOf(p).URL)
	}
}
