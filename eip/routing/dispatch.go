package routing

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("dispatch", func() eip.Stage { return NewDispatch() }) }

// Dispatch is the Message Dispatcher: each message goes to the plugin whose id it
// names. A plugin that does not work is left out, and the others go on.
type Dispatch struct {
	// By gives the id of the plugin that a message is for.
	By eip.Text `flow:"by,required"`
	// Plugin holds the plugins.
	Plugin []*Plugin `flow:"plugin,block,required"`
	// Otherwise takes the messages that are for no plugin. Without it, such a message
	// is an invalid message.
	Otherwise eip.Pipe `flow:"otherwise,body,ends"`

	sorted    sync.Once
	byID      map[string]*Plugin
	keeper    keeper
	otherwise atomic.Int64
}

// Plugin is a body of stages that serves the messages for one id.
type Plugin struct {
	// Label is the plugin's name, in addresses and statistics.
	Label string `flow:",label"`
	// The id by which messages name the plugin. Without it, the plugin's name.
	ID string `flow:"id"`
	// Whether the flow needs the plugin: it does not start where the plugin cannot.
	// Without it, the flow starts without the plugin, whose messages fail meanwhile.
	Required bool `flow:"required"`
	// Body is what happens to the plugin's messages. It must not let a message fall
	// off its end.
	Body eip.Pipe `flow:",body,ends"`

	closed atomic.Pointer[closed] // why it is not open; nil: it is
	taken  atomic.Int64
}

// NewDispatch returns a Dispatch, which needs By and plugins.
func NewDispatch() *Dispatch { return &Dispatch{} }

// plugin returns the plugin of an id, or nil.
func (d *Dispatch) plugin(id string) *Plugin {
	d.sorted.Do(func() {
		d.byID = make(map[string]*Plugin, len(d.Plugin))
		for _, p := range d.Plugin {
			d.byID[p.id()] = p
		}
	})
	return d.byID[id]
}

func (p *Plugin) id() string {
	if p.ID != "" {
		return p.ID
	}
	return p.Label
}

// Validate checks the plugins.
func (d *Dispatch) Validate() error {
	if d.By == nil {
		return eip.OptionErrorf("by", "there is no expression that gives the plugin's id, as headers.id")
	}
	if len(d.Plugin) == 0 {
		return eip.OptionErrorf("plugin", "there is no plugin")
	}
	labels, ids := map[string]bool{otherwise: true}, map[string]string{}
	for _, p := range d.Plugin {
		switch {
		case p.Label == "":
			return eip.OptionErrorf("plugin", "a plugin has no name")
		case labels[p.Label]:
			return eip.OptionErrorf("plugin", "the name %q is taken", p.Label)
		case ids[p.id()] != "":
			return eip.OptionErrorf("plugin", "%q and %q have the same id", ids[p.id()], p.Label)
		case empty(&p.Body):
			return eip.OptionErrorf("plugin", "the plugin %q has neither stages nor \"to\"", p.Label)
		}
		labels[p.Label], ids[p.id()] = true, p.Label
	}
	return nil
}

// Pattern names what the stage is.
func (*Dispatch) Pattern() string { return "Message Dispatcher" }

// Open opens the plugins that are not required. One that cannot be opened is tried
// again.
func (d *Dispatch) Open(ctx context.Context, env *eip.Env) error {
	d.keeper.open(ctx, env, d.Plugin)
	return nil
}

// Close closes what Open has opened.
func (d *Dispatch) Close(ctx context.Context) error { return d.keeper.close(ctx) }

// Finish has plugins make what they have left.
func (d *Dispatch) Finish(ctx context.Context) error { return d.keeper.finish(ctx) }

// Makes is false: its plugins' stages do.
func (*Dispatch) Makes() bool { return false }

// Process gives m to its plugin.
func (d *Dispatch) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	id, err := d.By(ctx, m)
	if err != nil {
		return m.Undecided(d, fmt.Errorf("by: %w", err))
	}
	body, counted := &d.Otherwise, &d.otherwise
	p := d.plugin(id)
	if p != nil {
		body, counted = &p.Body, &p.taken
	} else if empty(body) {
		return eip.Invalid(d.unknown(id))
	}
	m.CountAt(d, counted)
	if p != nil {
		if c := p.closed.Load(); c != nil {
			// Not %w: that the plugin fails for good, say, does not mean the message.
			return eip.Unavailable(fmt.Errorf("the plugin %q does not work: %v", p.Label, c.why), c.again)
		}
	}
	return body.Process(ctx, m, nil)
}

func (d *Dispatch) unknown(id string) error {
	if id == "" {
		return errors.New("the message names no plugin, and there is no otherwise")
	}
	const most = 10
	var there []string
	for i, p := range d.Plugin {
		if i == most {
			there = append(there, fmt.Sprintf("%d more", len(d.Plugin)-most))
			break
		}
		there = append(there, quote(p.id()))
	}
	return fmt.Errorf("there is no plugin %s and no otherwise; there are: %s", quote(id), strings.Join(there, ", "))
}

// Ends is true: what is for no plugin is invalid.
func (d *Dispatch) Ends() (last, passes bool) { return true, false }

// Nested returns the plugins' bodies.
func (d *Dispatch) Nested() []*eip.Pipe {
	pipes := make([]*eip.Pipe, 0, len(d.Plugin)+1)
	for _, p := range d.Plugin {
		pipes = append(pipes, &p.Body)
	}
	return written(append(pipes, &d.Otherwise)...)
}

// Plugins yields the names of the plugins, and why each does not work; nil: it does.
// It yields none before Open, or after Close.
func (d *Dispatch) Plugins() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if !d.keeper.opened.Load() {
			return
		}
		for _, p := range d.Plugin {
			if !yield(p.Label, p.trouble()) {
				return
			}
		}
	}
}

func (p *Plugin) trouble() error {
	if c := p.closed.Load(); c != nil {
		return c.why
	}
	return p.Body.Trouble()
}

// Stats returns how many messages were for each plugin, by its name.
func (d *Dispatch) Stats() stats.Own {
	counts := make(map[string]int64, len(d.Plugin)+1)
	for _, p := range d.Plugin {
		counts[p.Label] = p.taken.Load()
	}
	if !empty(&d.Otherwise) {
		counts[otherwise] = d.otherwise.Load()
	}
	return stats.Own{Counts: counts, Branches: counts}
}
