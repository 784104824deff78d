package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/store"
)

const (
	parts    = 10_000
	ofAGroup = 10
)

// gathering takes parts from the queue parts, makes one message of each ten into the queue
// whole, and takes those that it has not seen from there to the queue out. It ends when
// nothing is left to do.
func gathering(dir string, _ int) error {
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	groups, err := b.State().Space("gather.groups")
	if err != nil {
		return err
	}
	seen, err := b.State().Space("once.seen")
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	for _, f := range []struct {
		from, to string
		stage    eip.Stage
	}{{"parts", "whole", &groupStage{space: groups}}, {"whole", "out", onceStage(seen)}} {
		src, err := b.Source(ctx, durable(f.from), broker.Subscription{})
		if err != nil {
			return err
		}
		to, err := b.Sender(ctx, durable(f.to))
		if err != nil {
			return err
		}
		flow := &eip.Flow{Name: f.from, Source: src, Stages: []eip.Stage{&eip.Named{Address: f.from + ".stage", Stage: f.stage}}, To: to}
		go func() { ended <- flow.Run(ctx) }()
	}
	fmt.Println("ready")
	for waiting(b, "parts")+waiting(b, "whole")+len(dueIn(groups)) > 0 {
		select {
		case err := <-ended:
			return errors.Join(err, errors.New("a flow ended"))
		case <-time.After(20 * time.Millisecond):
		}
	}
	cancel()
	return errors.Join(<-ended, <-ended, b.Close())
}

func durable(name string) broker.Channel {
	return broker.Channel{Address: name, Durable: true, Declare: true}
}

// waiting is how many messages are in a queue.
func waiting(b *embedded.Broker, queue string) int {
	of := []broker.Item{{Channel: durable(queue)}}
	return int(b.Depths(context.Background(), of)[0].Messages)
}

func dueIn(s store.Space) (keys []string) {
	_ = s.View(func(r store.Reader) error {
		for _, key := range r.Due() {
			keys = append(keys, key)
		}
		return nil
	})
	return keys
}

// groupStage makes one message of the parts of each group, once all are there.
type groupStage struct {
	space  store.Space
	outbox store.Outbox
}

func (g *groupStage) Open(ctx context.Context, env *eip.Env) error {
	return g.outbox.Open(ctx, env, g.space)
}
func (g *groupStage) Close(context.Context) error { g.outbox.Close(); return nil }

func (g *groupStage) Process(_ context.Context, m *eip.Message, _ eip.Handler) error {
	m.Absorb()
	part := string(m.Body())
	n, err := strconv.Atoi(part)
	if err != nil {
		return eip.Invalid(err)
	}
	key := strconv.Itoa(n / ofAGroup)
	store.Keep(m, g.space, func(tx store.Tx) error {
		was, _ := tx.Get(key)
		all := append(strings.Fields(string(was)), part)
		if len(all) < ofAGroup {
			tx.Put(key, []byte(strings.Join(all, " ")), time.Time{})
			return nil
		}
		tx.Delete(key)
		return g.outbox.Put(tx, eip.New([]byte(strings.Join(all, " ")), nil), time.Time{})
	})
	return nil
}

// onceStage passes each message on once.
func onceStage(space store.Space) eip.Stage {
	return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		store.Keep(m, space, func(tx store.Tx) error {
			if was, _ := tx.Get(m.ID); was != nil {
				return errors.New("it was seen before")
			}
			tx.Put(m.ID, m.Body(), time.Time{})
			return nil
		})
		return next.Handle(ctx, m)
	})
}

// What is taken, remembered and sent in one file is one transaction: after any kill, each
// part is in one group, and each group came out once.
func TestKill_StateAndMessagesAreOne(t *testing.T) {
	t.Parallel() // it waits for processes
	dir := t.TempDir()
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.Sender(t.Context(), durable("parts"))
	if err != nil {
		t.Fatal(err)
	}
	settled := make(chan error, parts)
	for _, n := range rand.Perm(parts) {
		eip.Deliver(t.Context(), to, eip.New([]byte(strconv.Itoa(n)), func(err error) { settled <- err }))
	}
	for range parts {
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(to.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for range *kills {
		c, out := start(t, "gathering", dir, 0)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		time.Sleep(rand.N(25 * time.Millisecond)) // the moment of the kill is the test's input
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if c.Wait() != nil {
			killed++
		}
	}
	c, _ := start(t, "gathering", dir, 0)
	if err := c.Wait(); err != nil {
		t.Fatalf("the last run: %v", err)
	}
	if b, err = embedded.Open(broker.Config{DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	src, err := b.Source(t.Context(), durable("out"), broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got := map[int]int{}
	for range waiting(b, "out") {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Fields(string(m.Body()))
		if len(all) != ofAGroup {
			t.Errorf("a group has the parts %v", all)
		}
		for _, part := range all {
			n, _ := strconv.Atoi(part)
			got[n]++
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	doubled, lost := []int{}, []int{}
	for n := range parts {
		switch {
		case got[n] == 0:
			lost = append(lost, n)
		case got[n] > 1:
			doubled = append(doubled, n)
		}
	}
	t.Logf("killed %d times", killed)
	if len(lost)+len(doubled) > 0 {
		t.Errorf("lost %d parts %v, and doubled %d %v", len(lost), slices.Clip(lost[:min(20, len(lost))]), len(doubled), doubled[:min(20, len(doubled))])
	}
}
