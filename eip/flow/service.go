package flow

import (
	"errors"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// ServiceBlock answers requests: it is a flow with other defaults.
type ServiceBlock struct {
	Name string `flow:",label"`
	// Where requests come from. Without it, the queue of the service's own name, which the
	// service declares unless a block does.
	Queue queueRef `flow:"queue"`
	// The service's own queue is of this process alone, and gone with it.
	Exclusive bool `flow:"exclusive"`
	// The service's own queue is removed with its last consumer.
	AutoDelete bool `flow:"auto_delete"`
	// How long a request may take from when the service took it, further attempts
	// included. What is not done by then is cut off, or not begun, and its caller is told
	// so with the code timeout. Without it, or with 0, there is no limit.
	Timeout time.Duration `flow:"timeout"`
	WorkBlock
	// The window: the most requests taken from the queue. Without it, twice the
	// concurrency, so that processes which compete share the work.
	Prefetch int `flow:"prefetch,unset"`
	// How a failed request is tried again. Without it, it is not.
	Retry RetryBlock `flow:"retry,block"`
	// Where a request goes that failed for good, beside the error reply. Without it,
	// nowhere.
	DeadLetter eip.Handler `flow:"dead_letter"`
	Body       eip.Pipe    `flow:",body,ends"`
}

func newService() *ServiceBlock { return &ServiceBlock{WorkBlock: newWork(), Retry: newRetry()} }

// Validate checks the options.
func (s *ServiceBlock) Validate() error {
	return errors.Join(s.WorkBlock.validate(s.prefetch())...)
}

func (s *ServiceBlock) prefetch() int {
	if s.Prefetch != 0 {
		return s.Prefetch
	}
	return 2 * s.Concurrency
}

// service decodes a service into f.
func (d *decoder) service(f *Flow, b *syntax.Block, at place) {
	s := newService()
	sound := d.decode(s, b, at)
	s.Name, f.Service = f.Name, s
	f.WorkBlock, f.Prefetch, f.Retry, f.DeadLetter = s.WorkBlock, s.prefetch(), s.Retry, s.DeadLetter
	f.Body.Stages, f.Body.To = s.Body.Stages, s.Body.To
	if f.Retry == newRetry() {
		f.Retry.Attempts = 1
	}
	if !sound {
		return
	}
	own := s.Queue.At == nil
	if own {
		s.Queue.At = &located{Ref{"queue", f.Name}, b.Range()}
	}
	f.From = sourceRefs{s.Queue.At}
	switch ch := d.config.Channels[s.Queue.At.String()]; {
	case !own || ch != nil && ch.said != nil:
		d.notOwn(s, b, at)
	case ch == nil: // else what is built has it of its Config
		ch = &Channel{Ref: s.Queue.At.Ref, Range: b.Range()}
		ch.ChannelBlock = newChannel()
		ch.Address, ch.Exclusive, ch.AutoDelete = f.Name, s.Exclusive, s.AutoDelete
		d.config.Channels[ch.String()] = ch
	}
}

// notOwn refuses options of a service's own queue where it has none.
func (d *decoder) notOwn(s *ServiceBlock, b *syntax.Block, at place) {
	for _, o := range []struct {
		name string
		set  bool
	}{{"exclusive", s.Exclusive}, {"auto_delete", s.AutoDelete}} {
		if o.set {
			d.blame(b, at, eip.OptionErrorf(o.name, "it is an option of %s; write it where that is declared, at %s", s.Queue.At.Ref, where(d.settings.names["queue"][s.Queue.At.Name])))
		}
	}
}

// ownQueue enters the name of the queue that a service declares itself.
func (d *decoder) ownQueue(b *syntax.Block) {
	if b.Type != "service" || optionOf(b, "queue") != nil {
		return
	}
	names, name := d.settings.names["queue"], b.Labels[0].Name
	if names == nil {
		names = map[string]hcl.Range{}
		d.settings.names["queue"] = names
	}
	if _, declared := names[name]; !declared {
		names[name] = b.Range()
	}
}
