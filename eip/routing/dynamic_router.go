package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

func init() { eip.Stages.Add("dynamic_router", func() eip.Stage { return NewDynamicRouter() }) }

// A DynamicRouter sends messages where recipients have asked for them. They tell it so by
// messages to a control topic, and tell it again while they are there.
type DynamicRouter struct {
	// The topic by which recipients register rules: JSON objects of id, to (the name of a
	// channel in allow, as "queue.big"), if (comparisons, as "body.total > 1000"; where it is
	// left out, every message) and priority (a whole number; without it, 0). A rule takes the place of
	// that of the same id.
	Control eip.Handler `flow:"control,required"`
	// Allow lists the channels and adapters that rules may name.
	Allow []eip.Target `flow:"allow,required"`
	// How long a rule holds after it was last registered.
	TTL eip.Live[time.Duration] `flow:"ttl"`
	// The most rules, at most 10000. Further ones are refused until others have ended.
	MaxRules eip.Live[int] `flow:"max_rules"`
	// Whether a message goes by the first rule that takes it: that of the highest priority,
	// and of equal ones that whose id comes first. Otherwise it goes to each recipient of
	// which a rule takes it, once.
	First eip.Live[bool] `flow:"first"`
	// The store that rules are in, so that they outlast a restart. Without it, the default
	// one.
	Store store.Place `flow:"store"`
	// Otherwise takes the messages that no rule takes. Without it, such a message is
	// invalid.
	Otherwise eip.Pipe `flow:"otherwise,body,ends"`

	log      *slog.Logger
	rarely   rarely.Log
	listener atomic.Pointer[replies.Listener] // nil: not open

	mu    sync.Mutex                // held by who changes rules
	clock eip.Clock                 // changes under mu
	space store.Space               // nil: not open
	rules atomic.Pointer[[]routing] // in the order in which they are tried

	taken                           []atomic.Int64 // by the index in Allow; made under mu
	registered, refused, unroutable atomic.Int64
}

// NewDynamicRouter returns a DynamicRouter of 1000 rules that hold for a minute; it needs
// Control, Allow and a store.
func NewDynamicRouter() *DynamicRouter {
	return &DynamicRouter{TTL: eip.LiveOf(time.Minute), MaxRules: eip.LiveOf(1000), First: eip.LiveOf(true)}
}

const mostRules = 10_000

// Validate checks the options.
func (r *DynamicRouter) Validate() error {
	switch most := r.MaxRules.Load(); {
	case r.TTL.Load() <= 0:
		return eip.OptionErrorf("ttl", "%v is no time for a rule to hold; give more than 0s", r.TTL.Load())
	case most < 1 || most > mostRules:
		return eip.OptionErrorf("max_rules", "%d is not from 1 to %d", most, mostRules)
	case !reads(r.Control):
		return eip.OptionErrorf("control", "it is one topic, by which recipients register")
	}
	return checkAllowed(r.Allow)
}

// Place is where rules are remembered.
func (r *DynamicRouter) Place() *store.Place { return &r.Store }

// Listens returns the topic of which each process hears all.
func (r *DynamicRouter) Listens() eip.Handler { return r.Control }

// Pattern names what the stage is.
func (*DynamicRouter) Pattern() string { return "Dynamic Router" }

// Open reads the rules that there are, and begins to listen for others.
func (r *DynamicRouter) Open(ctx context.Context, env *eip.Env) error {
	r.log = env.Log.With("stage", env.Address)
	r.begin(env.Clock)
	space, err := r.Store.Space(env.Address, "dynamic_router")
	if err != nil {
		return err
	}
	if err := r.recall(space); err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	control, err := r.Control.(replies.Readable).Read(ctx)
	if err != nil {
		return err
	}
	r.setSpace(space)
	r.listener.Store(replies.Listen(control, env, &eip.Flow{To: eip.HandlerFunc(r.hear)}))
	return nil
}

// Close ends the listening. Rules that are in the store stay there.
func (r *DynamicRouter) Close(ctx context.Context) error {
	err := r.listener.Load().Close(ctx)
	r.listener.Store(nil)
	r.setSpace(nil)
	return err
}

// begin makes what Stats reads: once, as counts outlast a restart.
func (r *DynamicRouter) begin(c eip.Clock) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = c
	if r.taken == nil {
		r.taken = make([]atomic.Int64, len(r.Allow))
	}
}

func (r *DynamicRouter) setSpace(s store.Space) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.space = s
}

// Trouble says that rules are no longer heard of.
func (r *DynamicRouter) Trouble() error {
	if err := r.listener.Load().Err(); err != nil {
		return fmt.Errorf("rules are not heard of: %w", err)
	}
	return nil
}

// Process sends m where the rules of one moment say.
func (r *DynamicRouter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if err := r.Trouble(); err != nil {
		return err
	}
	now, first := r.clock.Now(), r.First.Load()
	sent := make([]bool, len(r.Allow))
	taken := false
	var failed error
	for _, rule := range *r.rules.Load() {
		if sent[rule.to] || !now.Before(rule.ends) {
			continue
		}
		takes, err := hold(rule.wants, m)
		if err != nil {
			return m.Undecided(r, err)
		}
		if !takes {
			continue
		}
		sent[rule.to], taken = true, true
		m.CountAt(r, &r.taken[rule.to])
		m.Sent(1)
		failed = also(failed, r.Allow[rule.to].Handle(ctx, m))
		if first {
			break
		}
	}
	switch {
	case taken:
		return failed
	case empty(&r.Otherwise):
		return eip.Invalid(errors.New("no rule takes the message, and there is no otherwise"))
	}
	m.CountAt(r, &r.unroutable)
	return r.Otherwise.Process(ctx, m, after(&r.Otherwise, next))
}

// hear takes a rule from the control topic. What is none is refused: it is nobody's message
// that would have to be kept.
func (r *DynamicRouter) hear(ctx context.Context, m *eip.Message) error {
	rule, err := r.read(m)
	if err == nil {
		err = r.register(ctx, rule)
	}
	var refusal refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	if m.IsTest() {
		return nil
	}
	if err == nil {
		r.registered.Add(1)
		return nil
	}
	r.refused.Add(1)
	r.rarely.Warn(r.log, "a rule is refused", slog.Any("error", err), slog.String("rule", quote(rule.ID)))
	return nil
}

// Ends is true where no message gets out of otherwise: what no rule takes is invalid.
func (r *DynamicRouter) Ends() (last, passes bool) {
	if empty(&r.Otherwise) {
		return true, false
	}
	last = isClosed(&r.Otherwise)
	return last, !last
}

// Nested returns the body of messages that no rule takes.
func (r *DynamicRouter) Nested() []*eip.Pipe { return written(&r.Otherwise) }

// Busy reports whether rules are on their way into the store.
func (r *DynamicRouter) Busy() bool { return r.listener.Load().Busy() }

// Stats returns how many messages each recipient took, by its name, and otherwise; how often
// a rule was registered or refused, and how many rules hold.
func (r *DynamicRouter) Stats() stats.Own {
	r.mu.Lock()
	taken, rules := r.taken, len(r.present())
	r.mu.Unlock()
	branches := map[string]int64{}
	for i := range taken {
		branches[r.Allow[i].Name] = taken[i].Load()
	}
	if !empty(&r.Otherwise) {
		branches[otherwise] = r.unroutable.Load()
	}
	counts := map[string]int64{"registered": r.registered.Load(), "refused": r.refused.Load(), "rules": int64(rules)}
	for name, n := range branches {
		counts[name] = n
	}
	return stats.Own{Counts: counts, Gauges: []string{"rules"}, Branches: branches}
}

// present are the rules that hold now.
func (r *DynamicRouter) present() (all []routing) {
	rules := r.rules.Load()
	if rules == nil {
		return nil
	}
	now := r.clock.Now()
	for _, rule := range *rules {
		if now.Before(rule.ends) {
			all = append(all, rule)
		}
	}
	return all
}
