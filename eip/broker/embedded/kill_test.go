package embedded_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
)

// These tests kill a process of their own, as kill -9 does: the test binary starts
// itself again, and this variable says as what.
const roleVariable = "EMBEDDED_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func(dir string, arg int) error{"pipeline": pipeline, "hops": hops, "holder": holder, "expiring": expiring, "gathering": gathering, "stages": stages}
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		arg, _ := strconv.Atoi(os.Args[2])
		if err := role(os.Args[1], arg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// start starts this binary in a role, and returns its standard output.
func start(t *testing.T, role, dir string, arg int) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, dir, strconv.Itoa(arg))
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c, out
}

var kills = flag.Int("kills", 20, "how often a process is killed")

const numbered = 20_000

// pipeline is the process under test: numbers from first on go into the queue a,
// from there to b, and from there to a file. What the broker has confirmed is put
// down in another file, so that it is known outside. Writes to these are single
// system calls, and so survive the process.
func pipeline(dir string, first int) error {
	confirmed, err := appendTo(dir, "confirmed")
	if err != nil {
		return err
	}
	out, err := appendTo(dir, "out")
	if err != nil {
		return err
	}
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	finished := make(chan struct{})
	return runFlows(b, finished,
		flow{"", "a", &counting{next: first, settled: func(n string) { fmt.Fprintf(confirmed, "%s\n", n) }}, nil},
		flow{"a", "b", nil, nil},
		flow{"b", "", nil, func(n string) error {
			_, err := fmt.Fprintf(out, "%s\n", n)
			if n == strconv.Itoa(numbered) {
				close(finished)
			}
			return err
		}})
}

// hops takes numbers from where its position says to a, b and c, all in one store.
func hops(dir string, _ int) error {
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	at, err := b.Position("numbers")
	if err != nil {
		return err
	}
	last, _ := strconv.Atoi(string(at))
	return runFlows(b, nil,
		flow{"", "a", &counting{next: last + 1, store: b}, nil},
		flow{"a", "b", nil, nil},
		flow{"b", "c", nil, nil})
}

// flow is from a queue or a source to a queue or a function.
type flow struct {
	from, to string
	source   eip.Source
	sink     func(n string) error
}

// runFlows opens and runs flows until finished is closed, or until they end.
func runFlows(b *embedded.Broker, finished <-chan struct{}, flows ...flow) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	channel := func(name string) broker.Channel { return broker.Channel{Address: name, Durable: true, Declare: true} }
	var run []*eip.Flow
	for _, f := range flows {
		r := &eip.Flow{Name: f.from + " to " + f.to, Source: f.source}
		if f.source == nil {
			src, err := b.Source(ctx, channel(f.from), broker.Subscription{})
			if err != nil {
				return err
			}
			r.Source = src
		}
		r.To = eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { return f.sink(string(m.Body())) })
		if f.sink == nil {
			to, err := b.Sender(ctx, channel(f.to))
			if err != nil {
				return err
			}
			r.To = to
		}
		run = append(run, r)
	}
	fmt.Println("ready")
	ended := make(chan error, len(run))
	for _, f := range run {
		go func() { ended <- f.Run(ctx) }()
	}
	if finished != nil {
		<-finished
	} else if err := <-ended; err != nil {
		return err
	}
	return b.Close()
}

func appendTo(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// counting yields numbers up to the last. Where it has a store, it keeps there how
// far it got.
type counting struct {
	next    int
	settled func(n string)
	store   *embedded.Broker
}

func (s *counting) Receive(context.Context) (*eip.Message, error) {
	if s.next > numbered {
		return nil, io.EOF
	}
	n := &counted{from: s, n: strconv.Itoa(s.next)}
	s.next++
	return eip.NewFor([]byte(n.n), n), nil
}

type counted struct {
	from  *counting
	n     string
	early bool
}

func (n *counted) Settle(err error) {
	switch {
	case err != nil || n.early:
	case n.from.store != nil:
		n.from.store.Keep("numbers", []byte(n.n))
	default:
		n.from.settled(n.n)
	}
}

func (n *counted) SettleEarly(p adapter.Positions) bool {
	if n.from.store == nil || p != adapter.Positions(n.from.store) {
		return false
	}
	n.from.store.Keep("numbers", []byte(n.n)) // they settle in order
	n.early = true
	return true
}

func lines(t *testing.T, dir, name string) (numbers []int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatalf("%s has the line %q", name, line)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func TestKill_NothingAcceptedIsLost(t *testing.T) {
	t.Parallel() // it waits for processes
	dir := t.TempDir()
	first := 1
	for range *kills {
		// Whatever was confirmed is never sent again, so it must be in the file.
		c, out := start(t, "pipeline", dir, first)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		time.Sleep(rand.N(30 * time.Millisecond)) // the moment of the kill is the test's input
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		if sent := lines(t, dir, "confirmed"); len(sent) > 0 {
			first = sent[len(sent)-1] + 1
		}
		if first > numbered*9/10 {
			break
		}
	}
	c, _ := start(t, "pipeline", dir, first)
	if err := c.Wait(); err != nil {
		t.Fatalf("the last run: %v", err)
	}
	check(t, lines(t, dir, "out"))
}

// From one place in the store to another there are hardly any duplicates: a message
// and the end of its predecessor are in one transaction, but for those few whose
// flow still had them in hand.
func TestKill_HopsInOneStore(t *testing.T) {
	t.Parallel() // it waits for processes
	dir := t.TempDir()
	for range *kills {
		c, out := start(t, "hops", dir, 0)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the process did not start: %v", err)
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // the moment of the kill is the test's input
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
	}
	c, _ := start(t, "hops", dir, 0)
	if err := c.Wait(); err != nil {
		t.Fatalf("the last run: %v", err)
	}
	var got []int
	b := openIn(t, dir)
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, name := range []string{"c", "b", "a"} {
		got = append(got, drain(ctx, t, b, name)...)
	}
	if again := check(t, got); again > numbered/100 {
		t.Errorf("%d numbers came more than once", again)
	}
}

// drain takes all numbers that are in a queue.
func drain(ctx context.Context, t *testing.T, b *embedded.Broker, queue string) (got []int) {
	t.Helper()
	const end = "the end"
	c := broker.Channel{Address: queue, Durable: true}
	to, err := b.Sender(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := eip.Await(ctx, to, eip.New([]byte(end), nil)); err != nil {
		t.Fatal(err)
	}
	src, err := b.Source(ctx, c, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for {
		m, err := src.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		eip.Deliver(ctx, eip.Discard, m)
		if string(m.Body()) == end {
			return got
		}
		n, err := strconv.Atoi(string(m.Body()))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
}

// check finds each number at least once, and first in order. It returns how many
// came again.
func check(t *testing.T, got []int) (again int) {
	t.Helper()
	seen, last := make([]bool, numbered+1), 0
	for _, n := range got {
		switch {
		case n < 1 || n > numbered:
			t.Fatalf("the number %d was never sent", n)
		case seen[n]:
			again++
		case n != last+1:
			t.Fatalf("%d came after %d", n, last)
		default:
			seen[n], last = true, n
		}
	}
	if last != numbered {
		t.Errorf("the numbers end at %d, not %d", last, numbered)
	}
	t.Logf("%d of %d numbers came more than once (%.2f %%)", again, numbered, 100*float64(again)/numbered)
	return again
}

// holder sends ten messages, takes five, settles the third, and waits for its end.
func holder(dir string, _ int) error {
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	ctx := context.Background()
	q := broker.Channel{Address: "q", Durable: true, Declare: true}
	s, err := b.Sender(ctx, q)
	if err != nil {
		return err
	}
	for i := range 10 {
		if err := eip.Await(ctx, s, eip.New([]byte(strconv.Itoa(i)), nil)); err != nil {
			return err
		}
	}
	src, err := b.Source(ctx, q, broker.Subscription{})
	if err != nil {
		return err
	}
	for i := range 5 {
		m, err := src.Receive(ctx)
		if err != nil {
			return err
		}
		eip.Deliver(ctx, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			if i != 2 {
				m.Hold()
			}
			return nil
		}), m)
	}
	// Removals are written at the latest with what is sent after them.
	if err := eip.Await(ctx, s, eip.New([]byte("10"), nil)); err != nil {
		return err
	}
	fmt.Println("holding")
	select {}
}

func TestKill_WhatWasNotSettledComesAgain(t *testing.T) {
	t.Parallel() // it waits for a lock
	dir := t.TempDir()
	c, out := start(t, "holder", dir, 0)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "holding\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	if _, err := embedded.Open(broker.Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening what another process has gave %v", err)
	}
	c.Process.Kill()
	c.Wait()
	b := openIn(t, dir)
	defer b.Close()
	src, err := b.Source(t.Context(), broker.Channel{Address: "q", Durable: true}, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		if i == 2 {
			continue
		}
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Body()) != strconv.Itoa(i) {
			t.Errorf("received %q, want %d", m.Body(), i)
		}
		if i < 5 && !m.Redelivered {
			t.Errorf("%d was delivered before, and does not say so", i)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
}
