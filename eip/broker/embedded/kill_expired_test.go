package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
)

// expiring moves what has expired to the dead-letter queue, which opening the store
// begins.
func expiring(dir string, _ int) error {
	if _, err := embedded.Open(broker.Config{DataDir: dir}); err != nil {
		return err
	}
	fmt.Println("moving")
	select {}
}

// What expired is in its queue or in the dead-letter queue, whenever the process
// ends that moves it.
func TestKill_WhileExpiredMove(t *testing.T) {
	t.Parallel() // it waits for processes
	const n = 5000
	dir := t.TempDir()
	b := openIn(t, dir)
	q := broker.Channel{Address: "q", Durable: true, Declare: true, DeadLetter: "dead"}
	to, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		eip.Deliver(t.Context(), to, eip.New([]byte(strconv.Itoa(i+1)), nil).With(func(m *eip.Message) { m.Expiration = time.Hour }))
	}
	q.Address = "soon"
	if to, err = b.Sender(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		eip.Deliver(t.Context(), to, eip.New([]byte(strconv.Itoa(i+1)), nil).With(func(m *eip.Message) { m.Expiration = time.Nanosecond }))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	rounds := *kills / 2
	for range rounds {
		c, out := start(t, "expiring", dir, 0)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // the moment of the kill is the test's input
		c.Process.Kill()
		c.Wait()
	}
	b = openIn(t, dir)
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	src, err := b.Source(ctx, broker.Channel{Address: "dead", Durable: true}, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for last := 0; last < n; {
		m, err := src.Receive(ctx)
		if err != nil {
			t.Fatalf("after dead letter %d: %v", last, err)
		}
		eip.Deliver(ctx, eip.Discard, m)
		switch i, _ := strconv.Atoi(string(m.Body())); {
		case i > last+1:
			t.Fatalf("dead letter %d came after %d", i, last)
		case i == last+1:
			last = i
		default:
			again++
		}
	}
	if again > rounds { // the one that was in hand at each kill
		t.Errorf("%d dead letters came more than once after %d kills", again, rounds)
	}
	if got := drain(ctx, t, b, "q"); len(got) != n {
		t.Errorf("%d of %d messages that have not expired are left", len(got), n)
	}
}
