package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
// whole, and takes those that it has not seen from there to the queue out.
func gathering(dir string, _ int) error {
	return remembering(dir, func(in func(string) store.Space) []hop {
		return []hop{{"parts", "whole", &groupStage{space: in("gather.groups")}}, {"whole", "out", onceStage(in("once.seen"))}}
	})
}

// hop is a flow from one queue to another.
type hop struct {
	from, to string
	stage    eip.Stage
}

// remembering runs flows in one file. It ends when nothing is left to do.
func remembering(dir string, flows func(in func(string) store.Space) []hop) error {
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var spaces []store.Space
	hops := flows(func(name string) store.Space {
		s, failed := b.State().Space(name)
		err = errors.Join(err, failed)
		spaces = append(spaces, s)
		return s
	})
	ended := make(chan error, len(hops))
	for _, h := range hops {
		src, failed := b.Source(ctx, durable(h.from), broker.Subscription{})
		to, failedToo := b.Sender(ctx, durable(h.to))
		if err = errors.Join(err, failed, failedToo); err != nil {
			return err
		}
		flow := &eip.Flow{Name: h.from, Source: src, Stages: []eip.Stage{&eip.Named{Address: h.from + ".stage", Stage: h.stage}}, To: to}
		go func() { ended <- flow.Run(ctx) }()
	}
	left := func() (n int) {
		for _, h := range hops {
			n += waiting(b, h.from)
		}
		for _, s := range spaces {
			_ = s.View(func(r store.Reader) error {
				for at := range r.Due() {
					if at.Before(time.Now().Add(time.Hour)) { // and no key that is to be forgotten
						n++
					}
					break
				}
				return nil
			})
		}
		return n
	}
	fmt.Println("ready")
	for left() > 0 {
		select {
		case err := <-ended:
			return errors.Join(err, errors.New("a flow ended"))
		case <-time.After(20 * time.Millisecond):
		}
	}
	cancel()
	for range hops {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, b.Close())
}

func durable(name string) broker.Channel {
	return broker.Channel{Address: name, Durable: true, Declare: true}
}

// waiting is how many messages are in a queue.
func waiting(b *embedded.Broker, queue string) int {
	of := []broker.Item{{Channel: durable(queue)}}
	return int(b.Depths(context.Background(), of)[0].Messages)
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

// fill puts numbered messages into a queue.
func fill(t *testing.T, dir, queue string, numbers []int) {
	t.Helper()
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.Sender(t.Context(), durable(queue))
	if err != nil {
		t.Fatal(err)
	}
	settled := make(chan error, len(numbers))
	for _, n := range numbers {
		m := eip.New([]byte(strconv.Itoa(n)), func(err error) { settled <- err })
		m.ID = strconv.Itoa(n)
		eip.Deliver(t.Context(), to, m)
	}
	for range numbers {
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(to.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

// killed runs a role that is killed again and again, and at last until it ends.
func killed(t *testing.T, role, dir string) {
	t.Helper()
	n := 0
	for range *kills {
		c, out := start(t, role, dir, 0)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		time.Sleep(rand.N(25 * time.Millisecond)) // the moment of the kill is the test's input
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if c.Wait() != nil {
			n++
		}
	}
	c, _ := start(t, role, dir, 0)
	if err := c.Wait(); err != nil {
		t.Fatalf("the last run: %v", err)
	}
	t.Logf("killed %d times", n)
}

// onceEach demands that each number up to n is once in a queue, whose bodies hold numbers.
func onceEach(t *testing.T, dir, queue string, n int, check func(body string)) {
	t.Helper()
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	src, err := b.Source(t.Context(), durable(queue), broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got := map[int]int{}
	for range waiting(b, queue) {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(string(m.Body()))
		for _, part := range strings.Fields(string(m.Body())) {
			n, _ := strconv.Atoi(part)
			got[n]++
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	doubled, lost := []int{}, []int{}
	for n := range n {
		switch {
		case got[n] == 0:
			lost = append(lost, n)
		case got[n] > 1:
			doubled = append(doubled, n)
		}
	}
	if len(lost)+len(doubled) > 0 {
		t.Errorf("lost %d %v, and doubled %d %v", len(lost), lost[:min(20, len(lost))], len(doubled), doubled[:min(20, len(doubled))])
	}
}

// What is taken, remembered and sent in one file is one transaction: after any kill, each
// part is in one group, and each group came out once.
func TestKill_StateAndMessagesAreOne(t *testing.T) {
	t.Parallel() // it waits for processes
	dir := t.TempDir()
	fill(t, dir, "parts", rand.Perm(parts))
	killed(t, "gathering", dir)
	onceEach(t, dir, "out", parts, func(body string) {
		if all := strings.Fields(body); len(all) != ofAGroup {
			t.Errorf("a group has the parts %v", all)
		}
	})
}
