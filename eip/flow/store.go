package flow

import (
	"fmt"
	"io"

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

const defaultStore = "embedded:"

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
	if !s.Default {
		return
	}
	if first := d.config.Stores[""]; first != nil {
		d.fail(problem(s.Range, "Two default stores", "The store %q, at %s, is marked as the default already.", first.Name, where(first.Range)))
		return
	}
	d.config.Stores[""] = s
}

// StoreOf returns the store of a stage that remembers.
func (c *Config) StoreOf(p *store.Place) *Store {
	if s := c.Stores[p.Name()]; s != nil {
		return s
	}
	return &Store{StoreBlock: StoreBlock{URL: defaultStore}}
}

// describeStores writes down where the stages of a flow remember.
func (c *Config) describeStores(w io.Writer, f *Flow) {
	for _, p := range store.Places(f.Stages()) {
		fmt.Fprintf(w, "%q %q\n", p.Name(), c.StoreOf(p).URL)
	}
}
