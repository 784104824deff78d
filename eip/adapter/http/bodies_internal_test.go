package http

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// dribble is a body of which some bytes come at once, and the rest when more is
// closed.
type dribble struct {
	first   io.Reader
	rest    io.Reader
	more    chan struct{}
	stopped chan struct{}
}

func (d *dribble) Read(p []byte) (int, error) {
	if n, err := d.first.Read(p); err == nil {
		return n, nil
	}
	select {
	case <-d.more:
		return d.rest.Read(p)
	case <-d.stopped:
		return 0, errors.New("deadline")
	}
}

// a client sends bodies of size bytes, and stops after so many until it is told.
type client struct {
	all  *bodies
	from netip.Prefix
	flow time.Duration // takes them so long after they are read; 0: never
}

func (c client) send(size, first int) (b *body, more chan struct{}, read func() error) {
	return c.sendAs(int64(size), size, first)
}

func (c client) sendAs(said int64, size, first int) (b *body, more chan struct{}, read func() error) {
	d := &dribble{first: bytes.NewReader(zeros[:first]), rest: bytes.NewReader(zeros[first:size]), more: make(chan struct{}), stopped: make(chan struct{})}
	expired := make(chan time.Time)
	b = &body{all: c.all, client: c.from, longest: 1 << 20, expired: expired, stop: sync.OnceFunc(func() { close(d.stopped) })}
	done := make(chan error, 1)
	go func() {
		got, err := b.read(d, said)
		if err == nil && len(got) != size {
			err = io.ErrUnexpectedEOF
		}
		if err == nil && c.flow > 0 {
			time.Sleep(c.flow)
		}
		if err != nil || c.flow > 0 {
			b.release()
		}
		done <- err
	}()
	return b, d.more, func() error {
		synctest.Wait()
		select {
		case err := <-done:
			return err
		default:
			return errReading
		}
	}
}

var zeros = make([]byte, 1<<20)

var errReading = errors.New("it is being read")

func (s *bodies) check(t *testing.T, held int64) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all int64
	for _, n := range s.clients {
		all += n
	}
	if s.held != held || all != held {
		t.Errorf("%d bytes are held, %d by clients; want %d", s.held, all, held)
	}
}

func TestBodies_GiveWay(t *testing.T) {
	const mib, all = 1 << 20, mostInBodies >> 20
	const some = mib / 4 // for which there is room for all of it
	a, b := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("2001:db8::/64")
	fill := func(s *bodies, from netip.Prefix, n int) (reads []func() error) {
		for range n {
			_, _, read := client{s, from, 0}.send(mib, some)
			if err := read(); err != errReading {
				panic(err)
			}
			reads = append(reads, read)
			time.Sleep(time.Millisecond)
		}
		return reads
	}
	tests := map[string]func(*testing.T, *bodies){
		"another client is not kept waiting by the greedy": func(t *testing.T, s *bodies) {
			slow := fill(s, a, all)
			_, more, read := client{s, b, 0}.send(mib, some)
			close(more)
			if err := read(); err != nil {
				t.Errorf("%v", err)
			}
			for i, r := range slow {
				if err := r(); (err == errNoRoom) != (i == 0) {
					t.Errorf("slow body %d: %v", i, err)
				}
			}
		},
		"its own bodies wait a second": func(t *testing.T, s *bodies) {
			slow := fill(s, a, all)
			_, more, read := client{s, a, 0}.send(mib, some)
			close(more)
			if err := read(); err != errReading {
				t.Errorf("at once: %v", err)
			}
			time.Sleep(patience)
			if err := errors.Join(read()); err != nil {
				t.Errorf("after a second: %v", err)
			}
			if err := slow[0](); err != errNoRoom {
				t.Errorf("the slowest: %v", err)
			}
			if err := slow[1](); err != errReading {
				t.Errorf("the next: %v", err)
			}
		},
		"who is nearly done makes room": func(t *testing.T, s *bodies) {
			held, quick, _ := client{s, a, 0}.send(mib, some)
			fill(s, a, all-1)
			_, more, read := client{s, b, 0}.send(mib, some)
			close(more)
			close(quick)
			synctest.Wait()
			held.release()
			if err := read(); err != nil {
				t.Errorf("%v", err)
			}
		},
		"bodies that wait for the flow stay": func(t *testing.T, s *bodies) {
			var waiting []*body
			for range all {
				w, more, read := client{s, a, 0}.send(mib, mib)
				close(more)
				if err := read(); err != nil {
					t.Fatal(err)
				}
				waiting = append(waiting, w)
			}
			_, more, read := client{s, b, 0}.send(mib, some)
			close(more)
			time.Sleep(time.Minute)
			if err := read(); err != errReading {
				t.Errorf("%v", err)
			}
			waiting[0].release()
			waiting[0].release() // which changes nothing
			if err := read(); err != nil {
				t.Errorf("with room: %v", err)
			}
		},
		"a burst waits for a slow flow, and comes through": func(t *testing.T, s *bodies) {
			var reads []func() error
			for range 3 * all {
				_, more, read := client{s, a, 3 * time.Second}.send(mib, some)
				close(more)
				reads = append(reads, read)
			}
			for range 4 * all {
				synctest.Wait()
				s.mu.Lock()
				if s.held > mostInBodies {
					t.Errorf("%d bytes are held", s.held)
				}
				s.mu.Unlock()
				time.Sleep(time.Second)
			}
			for i, read := range reads {
				if err := read(); err != nil {
					t.Errorf("body %d: %v", i, err)
				}
			}
			s.check(t, 0)
		},
		"of unknown length they do not block each other": func(t *testing.T, s *bodies) {
			var came, gone int
			var reads []func() error
			for range 3 * all {
				_, more, read := client{s, a, time.Millisecond}.sendAs(-1, mib, mib-1)
				close(more)
				reads = append(reads, read)
			}
			time.Sleep(time.Minute)
			for _, read := range reads {
				switch err := read(); err {
				case nil:
					came++
				case errNoRoom:
					gone++
				default:
					t.Error(err)
				}
			}
			if came < all {
				t.Errorf("%d came, %d gave way", came, gone)
			}
			s.check(t, 0)
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &bodies{}
				test(t, s)
				// Whoever is left is sent away, and nothing stays behind.
				s.mu.Lock()
				for e := s.reading.Front(); e != nil; e = e.Next() {
					e.Value.(*body).stop()
				}
				s.mu.Unlock()
				time.Sleep(time.Hour)
			})
		})
	}
}
