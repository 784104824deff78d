package routing

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("load_balancer", func() eip.Stage { return NewLoadBalancer() }) }

// A LoadBalancer sends each message to one of several places that do the same.
type LoadBalancer struct {
	// The channels and adapters that messages go to.
	To []eip.Target `flow:"to,required"`
	// Which of them a message goes to: each in turn (round_robin), each as often as its
	// weight says (weighted), always the same for a key (sticky), or the first that takes it
	// (failover).
	Strategy Strategy `flow:"strategy"`
	// Key computes what decides with sticky. It must not be empty.
	Key eip.Text `flow:"key"`
	// Weights are whole numbers, one for each place in to, with weighted.
	Weights []string `flow:"weights"`

	once    sync.Once
	turn    atomic.Uint64
	mu      sync.Mutex
	weights []int
	credits []int // of a round
	sent    []atomic.Int64
}

// Strategy is how a LoadBalancer chooses.
type Strategy string

// The strategies.
const (
	RoundRobin Strategy = "round_robin"
	Weighted   Strategy = "weighted"
	Sticky     Strategy = "sticky"
	Failover   Strategy = "failover"
)

// Options returns them.
func (Strategy) Options() []string {
	return []string{string(RoundRobin), string(Weighted), string(Sticky), string(Failover)}
}

// NewLoadBalancer returns a LoadBalancer that goes round, and needs its To.
func NewLoadBalancer() *LoadBalancer { return &LoadBalancer{Strategy: RoundRobin} }

const maxWeight = 1_000_000

// Validate checks that the options fit the strategy.
func (b *LoadBalancer) Validate() error {
	switch {
	case len(b.To) < 2:
		return eip.OptionErrorf("to", "one place needs no balance; name two or more")
	case b.Strategy == Sticky && b.Key == nil:
		return eip.OptionErrorf("key", "sticky needs a key, as body.customer")
	case b.Strategy != Sticky && b.Key != nil:
		return eip.OptionErrorf("key", "it is for sticky only")
	case b.Strategy == Weighted && len(b.Weights) != len(b.To):
		return eip.OptionErrorf("weights", "there are %d for %d places in to", len(b.Weights), len(b.To))
	case b.Strategy != Weighted && b.Weights != nil:
		return eip.OptionErrorf("weights", "they are for weighted only")
	}
	total := 0
	for _, text := range b.Weights {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxWeight {
			return eip.OptionErrorf("weights", "%q is no whole number from 0 to %d", text, maxWeight)
		}
		total += n
	}
	if b.Strategy == Weighted && total == 0 {
		return eip.OptionErrorf("weights", "all are 0, so nothing would go anywhere")
	}
	return nil
}

func (b *LoadBalancer) prepare() {
	b.sent, b.credits = make([]atomic.Int64, len(b.To)), make([]int, len(b.To))
	for _, text := range b.Weights {
		n, _ := strconv.Atoi(text) // as Validate has checked
		b.weights = append(b.weights, n)
	}
}

// Process sends m to one of the places.
func (b *LoadBalancer) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	b.once.Do(b.prepare)
	if b.Strategy == Failover {
		return b.first(ctx, m)
	}
	i := 0
	switch b.Strategy {
	case Weighted:
		i = b.next()
	case Sticky:
		key, err := b.Key(ctx, m)
		if err == nil && key == "" {
			err = eip.Invalid(errors.New("it is empty"))
		}
		if err != nil {
			return fmt.Errorf("key: %w", err)
		}
		i = b.closest(key)
	default:
		i = int((b.turn.Add(1) - 1) % uint64(len(b.To)))
	}
	return b.send(ctx, m, i)
}

func (b *LoadBalancer) send(ctx context.Context, m *eip.Message, i int) error {
	if err := b.To[i].Handle(ctx, m); err != nil {
		return err
	}
	m.Sent(1)
	if !m.IsTest() {
		b.sent[i].Add(1)
	}
	return nil
}

// first sends m to the first place that takes it.
func (b *LoadBalancer) first(ctx context.Context, m *eip.Message) (failed error) {
	for i := range b.To {
		err := b.send(ctx, m, i)
		if err == nil {
			return nil
		}
		failed = also(failed, err)
		if eip.IsPermanent(err) || ctx.Err() != nil { // it would be refused elsewhere, too
			break
		}
	}
	return failed
}

// next spreads the places over a round by their weights: each gets credit by its weight, and
// who has most pays for all.
func (b *LoadBalancer) next() (best int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := 0
	for i, w := range b.weights {
		b.credits[i] += w
		total += w
		if b.credits[i] > b.credits[best] {
			best = i
		}
	}
	b.credits[best] -= total
	return best
}

// closest is the place whose name and a key make the highest number, so that few keys move
// when places come or go.
func (b *LoadBalancer) closest(key string) (best int) {
	var most uint64
	for i := range b.To {
		h := fnv.New64a()
		h.Write([]byte(b.To[i].Name))
		h.Write([]byte{0})
		h.Write([]byte(key))
		if n := mixed(h.Sum64()); i == 0 || n > most {
			best, most = i, n
		}
	}
	return best
}

// mixed has all bits of a hash depend on all of its bytes, as the last ones of FNV do not.
func mixed(n uint64) uint64 {
	n = (n ^ n>>33) * 0xff51afd7ed558ccd
	n = (n ^ n>>33) * 0xc4ceb9fe1a85ec53
	return n ^ n>>33
}

// Ends is true: messages leave to the places.
func (b *LoadBalancer) Ends() (last, passes bool) { return true, false }

// Stats returns how many messages each place took, by its name.
func (b *LoadBalancer) Stats() stats.Own {
	b.once.Do(b.prepare)
	counts := make(map[string]int64, len(b.To))
	for i := range b.To {
		counts[b.To[i].Name] += b.sent[i].Load()
	}
	return stats.Own{Counts: counts, Branches: counts}
}
