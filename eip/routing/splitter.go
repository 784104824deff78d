package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/inner"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("splitter", func() eip.Stage { return NewSplitter() }) }

// A Splitter makes many messages of one: they go on one by one, or pass stages and are
// put together again (Composed Message Processor).
type Splitter struct {
	// The parts: a list.
	Parts eip.Value `flow:"parts,list"`
	// How the body is read as a list of parts, which is never decoded as a whole: lines;
	// the elements of json_array; json_lines; csv, whose first line names the columns.
	// Either this or parts.
	Format PartFormat `flow:"format"`
	// Where the list is in a json_array: keys with dots between them, "order.lines".
	// Without it, the body is the list.
	Path string `flow:"path"`
	// A part's body. It sees part, index (from 0), and body, headers and message of the
	// whole. Without it, the part.
	Body eip.Merge `flow:"body,part"`
	// How many parts may be under way at a time, of some 64 MiB together or a single one
	// that is larger.
	InFlight eip.Live[int] `flow:"in_flight"`
	// What becomes of a message without parts: it is dropped, passes as it is, or is
	// invalid. With gather, its list of results is empty.
	Empty EmptyWhole `flow:"empty"`
	// What fails where a part does. Part: it alone, which is tried again, and becomes a dead
	// letter; with gather, it is among the failures instead. Whole: the message, which is
	// tried again with all of its parts. Without it, part; with gather, whole.
	Failure PartFailure `flow:"failure,unset"`
	// The stages that parts pass, many at a time. What comes out of them is gathered.
	Each eip.Pipe `flow:"each,body,open"`
	// What becomes of the results of each.
	Gather *Gather `flow:"gather,block"`

	env                  *eip.Env
	room                 room
	working              sync.WaitGroup
	wholes, parts, empty atomic.Int64
}

// A Gather puts the results of parts together.
type Gather struct {
	// The message's new body. It sees results (a list, in the order of the parts; one
	// that was filtered away has none), failures (a list of {index, error}), and body,
	// headers and message of the whole. Without it, the list of results.
	Body eip.Merge `flow:"body,results"`
	// How long the parts of a message may take. Then it fails, or goes on with the results
	// that there are, as failure says. Without it, they take as long as they take.
	Timeout time.Duration `flow:"timeout"`
}

// NewSplitter returns a Splitter, which needs Parts or a Format.
func NewSplitter() *Splitter {
	return &Splitter{InFlight: eip.LiveOf(1000), Empty: EmptyDropped}
}

// Validate checks the options.
func (s *Splitter) Validate() error {
	switch {
	case s.Parts == nil && s.Format == "":
		return errors.New("nothing says what the parts are: set \"parts\" or \"format\"")
	case s.Parts != nil && s.Format != "":
		return eip.OptionErrorf("format", "the parts are given by \"parts\"; leave one out")
	case s.Path != "" && s.Format != FormatJSONArray:
		return eip.OptionErrorf("path", "only a json_array has one")
	case s.Path != "" && strings.Contains("."+s.Path+".", ".."):
		return eip.OptionErrorf("path", "%q has an empty key in it", s.Path)
	case s.InFlight.Load() < 1:
		return eip.OptionErrorf("in_flight", "%d is too few: at least one part must be under way", s.InFlight.Load())
	case s.Gather == nil && !empty(&s.Each):
		return eip.OptionErrorf("each", "nothing says what becomes of the results; add gather {}, or write the stages behind the splitter")
	case s.Gather != nil && empty(&s.Each):
		return eip.OptionErrorf("gather", "there is nothing to gather; write the stages of the parts in each { … }")
	case s.Gather != nil && s.Gather.Timeout < 0:
		return eip.OptionErrorf("gather", "timeout %v is no time", s.Gather.Timeout)
	}
	return s.checkEach()
}

// checkEach refuses stages whose messages would never be results of their parts.
func (s *Splitter) checkEach() error {
	if name := inner.Mixes(&s.Each); name != "" {
		return eip.OptionErrorf("each", "%s makes messages of its own, which are no results of parts; write it behind the splitter, or give an inner splitter a gather { … }", name)
	}
	return nil
}

// Open prepares to split.
func (s *Splitter) Open(_ context.Context, env *eip.Env) error {
	if env.Make == nil && s.Gather == nil && !s.fails() {
		return fmt.Errorf("parts cannot be tried again here, where nothing follows; set failure = \"whole\"")
	}
	s.env = env
	return nil
}

// Close waits for what works on parts whose message has ended without them.
func (s *Splitter) Close(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { s.working.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// Makes reports whether parts are messages of their own.
func (s *Splitter) Makes() bool { return s.Gather == nil && !s.fails() }

// Mixes reports whether parts go on one by one.
func (s *Splitter) Mixes() bool { return s.Gather == nil }

// Splits is how many parts may be under way at a time.
func (s *Splitter) Splits() int { return s.InFlight.Load() }

// Pattern names what the stage is.
func (s *Splitter) Pattern() string {
	if s.Gather != nil {
		return "Composed Message Processor"
	}
	return "Splitter"
}

// Nested returns the stages of parts.
func (s *Splitter) Nested() []*eip.Pipe { return written(&s.Each) }

// fails reports whether a message fails with one of its parts.
func (s *Splitter) fails() bool {
	return s.Failure == WholeFails || s.Failure == "" && s.Gather != nil
}

// Process splits m.
func (s *Splitter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	n, pieces, err := s.split(ctx, m)
	if err != nil {
		return m.Undecided(s, err)
	}
	if m.CountsAt(s) {
		s.wholes.Add(1)
		s.parts.Add(int64(n))
		if n == 0 {
			s.empty.Add(1)
		}
	}
	w := s.whole(m, n)
	switch {
	case s.Gather != nil:
		return w.gather(ctx, pieces, next)
	case n > 0:
		return w.spread(ctx, pieces, next)
	case s.Empty == EmptyPasses:
		return next.Handle(ctx, m)
	case s.Empty == EmptyInvalid:
		return eip.Invalid(errors.New("the message has no parts"))
	}
	m.Drop()
	return nil
}

// Stats returns how many messages were split, into how many parts, how many had none, and
// how many parts are under way.
func (s *Splitter) Stats() stats.Own {
	return stats.Own{Gauges: []string{"under_way"}, Counts: map[string]int64{"wholes": s.wholes.Load(), "parts": s.parts.Load(), "empty": s.empty.Load(),
		"under_way": s.room.parts()}}
}
