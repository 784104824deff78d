package embedded_test

import (
	"bufio"
	"context"
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
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
)

// These tests kill a process of their own, as kill -9 does: the test binary starts
// itself again, and this variable says as what.
const roleVariable = "EMBEDDED_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func(dir string, arg int) error{"pipeline": pipeline, "holder": holder}
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

const (
	kills    = 50
	numbered = 40_000
)

// pipeline is the process under test: numbers from first on go into the queue a,
// from there to b, and from there to a file. What the broker has confirmed is put
// down in another file, so that it is known outside. Writes to these are single
// system calls, and so survive the process.
func pipeline(dir string, first int) error {
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		return err
	}
	ctx := context.Background()
	qa := broker.Channel{Address: "a", Durable: true, Declare: true}
	qb := broker.Channel{Address: "b", Durable: true, Declare: true}
	toA, err := b.Sender(ctx, qa)
	if err != nil {
		return err
	}
	fromA, err := b.Source(ctx, qa, broker.Subscription{})
	if err != nil {
		return err
	}
	toB, err := b.Sender(ctx, qb)
	if err != nil {
		return err
	}
	fromB, err := b.Source(ctx, qb, broker.Subscription{})
	if err != nil {
		return err
	}
	confirmed, err := appendTo(dir, "confirmed")
	if err != nil {
		return err
	}
	out, err := appendTo(dir, "out")
	if err != nil {
		return err
	}
	fmt.Println("ready")
	finished := make(chan struct{})
	sink := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		if _, err := fmt.Fprintf(out, "%s\n", m.Body()); err != nil {
			return err
		}
		if string(m.Body()) == strconv.Itoa(numbered) {
			close(finished)
		}
		return nil
	})
	for _, f := range []*eip.Flow{
		{Name: "in", Source: &counting{next: first, confirmed: confirmed}, To: toA},
		{Name: "hop", Source: fromA, To: toB},
		{Name: "out", Source: fromB, To: sink},
	} {
		go f.Run(ctx)
	}
	<-finished
	return b.Close()
}

func appendTo(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// counting yields numbers up to the last.
type counting struct {
	next      int
	confirmed io.Writer
}

func (s *counting) Receive(context.Context) (*eip.Message, error) {
	if s.next > numbered {
		return nil, io.EOF
	}
	text := strconv.Itoa(s.next)
	s.next++
	return eip.New([]byte(text), func(err error) {
		if err == nil {
			fmt.Fprintf(s.confirmed, "%s\n", text)
		}
	}), nil
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
	dir := t.TempDir()
	first := 1
	for range kills {
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

// check finds each number at least once, and first in order.
func check(t *testing.T, got []int) {
	t.Helper()
	seen, last, again := make([]bool, numbered+1), 0, 0
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
