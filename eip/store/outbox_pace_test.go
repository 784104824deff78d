package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// echo puts each message down, and sends it from there.
type echo struct {
	space  store.Space
	outbox store.Outbox
	fails  func(*eip.Message) error // a step that has put
}

func (e *echo) Open(ctx context.Context, env *eip.Env) error { return e.outbox.Open(ctx, env, e.space) }
func (e *echo) Close(context.Context) error                  { e.outbox.Close(); return nil }
func (e *echo) Finish(ctx context.Context) error             { return e.outbox.Flush(ctx) }
func (e *echo) Ends() (last, passes bool)                    { return false, true }

func (e *echo) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	m.Absorb()
	e.outbox.Keep(ctx, m, func(tx store.Tx) error {
		err := e.outbox.Put(tx, m, time.Time{})
		if e.fails != nil {
			err = errors.Join(err, e.fails(m))
		}
		return err
	})
	return nil
}

// kept is what an outbox has written down.
func kept(s store.Space) (n, bytes int) {
	_ = s.View(func(r store.Reader) error {
		for _, value := range r.Range("\x00o", "") {
			n++
			bytes += len(value)
		}
		return nil
	})
	return n, bytes
}

// echoing is a flow with an echo. What follows that keeps what it is given until its gate is
// opened.
type echoing struct {
	echo    *echo
	flow    *eip.Flow
	in      chan *eip.Message
	gate    chan struct{} // closed: it is open
	came    atomic.Int64
	at      atomic.Int64 // bytes that it keeps
	settled chan error
	stop    context.CancelFunc
	done    chan error
}

func startEcho(t *testing.T, set func(*echo, *eip.Flow)) *echoing {
	t.Helper()
	space, err := memory.New().Space("f.echo")
	if err != nil {
		t.Fatal(err)
	}
	e := &echoing{echo: &echo{space: space}, in: make(chan *eip.Message), gate: make(chan struct{}), settled: make(chan error, 1e6), done: make(chan error, 1)}
	e.flow = &eip.Flow{Name: "f", Source: source(e.in), Stages: []eip.Stage{&eip.Named{Address: "f.echo", Stage: e.echo}}, Grace: time.Minute, WindowBytes: 1 << 30}
	e.flow.To = eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		release := m.Hold()
		e.at.Add(int64(len(m.Body())))
		go func() {
			<-e.gate
			e.at.Add(-int64(len(m.Body())))
			e.came.Add(1)
			release(nil)
		}()
		return nil
	})
	if set != nil {
		set(e.echo, e.flow)
	}
	ctx, stop := context.WithCancel(t.Context())
	e.stop = stop
	go func() { e.done <- e.flow.Run(ctx) }()
	return e
}

type source chan *eip.Message

func (s source) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m, ok := <-s:
		if !ok {
			return nil, io.EOF
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// feed gives n messages as fast as they are taken, and returns how many were, once nothing
// moves.
func (e *echoing) feed(n, size int) (taken int) {
	var given atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for i := range n {
			m := eip.New([]byte(strings.Repeat("x", size)), func(err error) { e.settled <- err }).With(func(m *eip.Message) { m.ID = fmt.Sprint(i) })
			select {
			case e.in <- m:
				given.Add(1)
			case <-ctx.Done():
				return
			}
		}
	}()
	time.Sleep(time.Minute)
	synctest.Wait()
	return int(given.Load())
}

// While what follows takes nothing, what comes waits: what is on disk is bounded in messages
// and bytes, and so is what is in memory. Afterwards all goes on.
func TestOutbox_PacesWhatComes(t *testing.T) {
	for _, c := range []struct {
		name                            string
		n, size                         int
		most, mostBytes, mostAtOnceSent int
	}{
		{"many", 6_000, 10, 1000 + 256 + 2*1000, 1 << 20, 256},
		{"large", 200, 1 << 20, 199, (64 + 16 + 16) << 20, 17},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := startEcho(t, nil)
				taken := e.feed(c.n, c.size)
				n, bytes := kept(e.echo.space)
				t.Logf("%d of %d messages were taken; %d are kept, with %d bytes", taken, c.n, n, bytes)
				if n == c.n || n > c.most || bytes > c.mostBytes {
					t.Errorf("%d messages are kept with %d bytes, want %d and %d at most", n, bytes, c.most, c.mostBytes)
				}
				if at := int(e.at.Load()); at > c.mostAtOnceSent*c.size {
					t.Errorf("%d bytes are under way", at)
				}
				if held := e.echo.outbox.Held(); held == 0 {
					t.Error("none is held")
				}
				close(e.gate)
				rest := e.feed(c.n-taken, c.size)
				if n, _ := kept(e.echo.space); n != 0 || int(e.came.Load()) != taken+rest || e.echo.outbox.Held() != 0 {
					t.Errorf("%d of %d came, %d are kept, %d held", e.came.Load(), taken+rest, n, e.echo.outbox.Held())
				}
				e.stop()
				if err := <-e.done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is held is given back when the flow stops, and when its time is over; nothing waits
// for the end of the grace.
func TestOutbox_HeldIsLetGo(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name string
		set  func(*eip.Flow)
		stop bool
		want error
	}{
		{"Stop", func(*eip.Flow) {}, true, eip.ErrNotRunning},
		{"Timeout", func(f *eip.Flow) { f.Timeout = 5 * time.Second }, false, eip.ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := startEcho(t, func(_ *echo, f *eip.Flow) {
					f.DeadLetter = nil
					c.set(f)
				})
				feeding := make(chan int, 1)
				go func() { feeding <- e.feed(n, 10) }()
				time.Sleep(2 * time.Second)
				if e.echo.outbox.Held() == 0 {
					t.Fatal("none is held")
				}
				if c.stop {
					e.stop()
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if held := e.echo.outbox.Held(); c.stop && held > 0 {
					t.Errorf("%d are held though the flow stops", held)
				}
				close(e.gate)
				taken := <-feeding
				e.stop()
				if err := <-e.done; err != nil {
					t.Error(err)
				}
				settled, failed := 0, 0
				for len(e.settled) > 0 {
					settled++
					if err := <-e.settled; err != nil {
						if failed++; !errors.Is(err, c.want) {
							t.Fatalf("one failed with %v", err)
						}
					}
				}
				left, _ := kept(e.echo.space)
				if settled != taken || failed == 0 || int(e.came.Load())+left != taken-failed {
					t.Errorf("%d of %d settled, %d failed, %d came, %d are left", settled, taken, failed, e.came.Load(), left)
				}
			})
		})
	}
}

// Steps that put and then fail are no reason to wait for ever.
func TestOutbox_FailedStepsDoNotHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEcho(t, func(e *echo, f *eip.Flow) {
			e.fails = func(*eip.Message) error { return eip.Invalid(errors.New("odd")) }
			f.Invalid = eip.Discard
		})
		if taken := e.feed(10_000, 10); taken != 10_000 || e.echo.outbox.Held() != 0 {
			t.Errorf("%d were taken, %d are held", taken, e.echo.outbox.Held())
		}
		close(e.gate)
		e.stop()
		if err := <-e.done; err != nil {
			t.Error(err)
		}
	})
}

// Those that were held go on in their order, and nobody overtakes them.
func TestOutbox_HeldKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 6_000
		next, wrong := 0, ""
		e := startEcho(t, func(_ *echo, f *eip.Flow) {
			to := f.To
			f.To = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if want := fmt.Sprint(next); m.ID != want && wrong == "" {
					wrong = fmt.Sprintf("%s came, want %s", m.ID, want)
				}
				next++
				return to.Handle(ctx, m)
			})
		})
		feeding := make(chan int, 1)
		go func() { feeding <- e.feed(n, 10) }()
		time.Sleep(2 * time.Second)
		if e.echo.outbox.Held() == 0 {
			t.Error("none is held")
		}
		close(e.gate)
		<-feeding
		e.stop()
		if err := <-e.done; err != nil || next != n || wrong != "" {
			t.Errorf("%d came, %v; %s", next, err, wrong)
		}
	})
}
