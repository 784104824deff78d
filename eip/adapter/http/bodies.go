package http

import (
	"bytes"
	"container/list"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

const (
	// mostInBodies is what the bodies of one server's requests take up that no flow has
	// taken yet; more where a few of the longest are.
	mostInBodies = 64 << 20
	fewBodies    = 4
	// patience is how long a body that is being read may keep others from being read.
	patience = time.Second
	// firstRead is read of a body before anything is set aside for it.
	firstRead = 512
)

var (
	errTooLarge = errors.New("the body is too large")
	errNoRoom   = errors.New("too much is being read")
)

// bodies bounds the bytes of a server's bodies. Where there is no room, those wait
// that have more to read, and whoever is slow gives way: of the client that holds
// most, the body that has had its room longest. Sockets cost nothing here, only bytes do, as
// clients share addresses.
type bodies struct {
	mu      sync.Mutex
	held    int64
	clients map[netip.Prefix]int64
	reading list.List     // of *body that are read or written, as they got room
	freed   chan struct{} // closed when there is more room; nil while nobody waits
}

// A body is one that is read, or waits for the flow.
type body struct {
	all     *bodies
	client  netip.Prefix
	longest int64
	expired <-chan time.Time
	gone    <-chan struct{}
	stop    func() // ends its reading or writing
	leave   func() // gives its place among max_requests to the next

	// Guarded by the mutex of all bodies.
	held  int64
	since time.Time     // it has room to be read into
	entry *list.Element // while it is read or written
	waits bool          // for room
	left  bool          // it gave way
}

func (s *bodies) of(w http.ResponseWriter, r *http.Request, longest eip.Bytes, expired <-chan time.Time) *body {
	return &body{all: s, client: clientOf(r), longest: int64(longest), expired: expired, gone: r.Context().Done(),
		stop: func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) }}
}

// clientOf is who sent a request: of IPv6 the network, as each has a whole one.
func clientOf(r *http.Request) netip.Prefix {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	ip, bits := at.Addr().Unmap(), 64
	if ip.Is4() {
		bits = 32
	}
	client, _ := ip.Prefix(bits)
	return client
}

// read reads all of r, which has size bytes; less than 0: nobody knows.
func (b *body) read(r io.Reader, size int64) ([]byte, error) {
	s := b.all
	s.mu.Lock()
	b.entry = s.reading.PushBack(b)
	s.mu.Unlock()
	got, err := b.fill(r, size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.entry == nil {
		return nil, errNoRoom
	}
	s.reading.Remove(b.entry)
	b.entry = nil
	return got, err
}

// hold counts n bytes while work writes them. They are there already, so they wait
// for no room, but stop ends work where others need it.
func (b *body) hold(n int, stop, work func()) {
	s := b.all
	s.mu.Lock()
	b.stop = stop
	b.since = time.Now()
	b.entry = s.reading.PushBack(b)
	s.add(b, int64(n))
	s.mu.Unlock()
	work()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.entry != nil {
		s.reading.Remove(b.entry)
		b.entry = nil
	}
}

// decode undoes the content encoding of a body that is read already.
func (b *body) decode(body []byte, codings []content.Coding) ([]byte, error) {
	for _, c := range codings {
		r, err := c.Open(bytes.NewReader(body))
		if err == nil {
			body, err = b.fill(r, -1)
		}
		if closer, ok := r.(interface{ Close() }); ok { // zstd's
			closer.Close()
		}
		if err != nil {
			return nil, err
		}
	}
	return body, nil
}

func (b *body) fill(r io.Reader, size int64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	got, room := make([]byte, 0, firstRead), int64(0)
	for {
		n, err := r.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		switch {
		case int64(len(got)) > b.longest:
			return nil, errTooLarge
		case err == io.EOF, int64(len(got)) == size:
			return got, nil
		case err != nil:
			return nil, err
		}
		need := int64(cap(got))
		if len(got) == cap(got) {
			// Who promises much must send a part of it before there is room for the rest.
			if need = min(16*int64(cap(got)), size); size < 0 {
				need = min(4*int64(cap(got)), b.longest+1)
			}
		}
		if need > room {
			if !b.grow(need - room) {
				return nil, errNoRoom
			}
			room = need
		}
		if need > int64(cap(got)) {
			got = append(make([]byte, 0, need), got...)
		}
	}
}

// grow waits until there is room for so many bytes more; false where there is none.
func (b *body) grow(more int64) bool {
	s := b.all
	for {
		s.mu.Lock()
		ok, wait := s.room(b, more)
		b.waits = wait > 0
		if wait > 0 && s.freed == nil {
			s.freed = make(chan struct{})
		}
		freed := s.freed
		s.mu.Unlock()
		if wait <= 0 {
			return ok
		}
		t := time.NewTimer(wait)
		select {
		case <-freed:
			t.Stop()
		case <-t.C:
		case <-b.expired:
			return false
		case <-b.gone:
			return false
		}
	}
}

// room sets bytes aside for b, at the cost of whoever is to give way. Where it
// cannot, it says how long to wait before it asks again, if that may help.
func (s *bodies) room(b *body, more int64) (ok bool, wait time.Duration) {
	most := max(mostInBodies, fewBodies*b.longest)
	for s.held+more > most && !b.left {
		slow := s.slowest()
		if slow == nil { // the flow is
			return false, patience
		}
		greedy := slow.client != b.client && s.clients[slow.client] > most/2
		if wait = patience - time.Since(slow.since); wait > 0 && !greedy {
			return false, wait
		}
		slow.left = true
		s.reading.Remove(slow.entry)
		slow.entry = nil
		s.add(slow, -slow.held)
		slow.stop()
	}
	if b.left {
		return false, 0
	}
	s.add(b, more)
	if b.entry != nil {
		b.since = time.Now()
		s.reading.MoveToBack(b.entry)
	}
	return true, 0
}

// slowest is, of the client that holds most, the body that has had its room longest.
// One that waits for room itself is not to blame, as long as those that do hold less
// than the rest; one that has just its first bytes makes none.
func (s *bodies) slowest() (slow *body) {
	var waiting int64
	for e := s.reading.Front(); e != nil; e = e.Next() {
		if b := e.Value.(*body); b.waits {
			waiting += b.held
		}
	}
	for e := s.reading.Front(); e != nil; e = e.Next() {
		b := e.Value.(*body)
		if b.held > firstRead && (!b.waits || waiting > s.held/2) && (slow == nil || s.clients[b.client] > s.clients[slow.client]) {
			slow = b
		}
	}
	return slow
}

func (s *bodies) add(b *body, n int64) {
	if s.clients == nil {
		s.clients = map[netip.Prefix]int64{}
	}
	b.held += n
	s.held += n
	if s.clients[b.client] += n; s.clients[b.client] == 0 {
		delete(s.clients, b.client)
	}
	if n < 0 && s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}

// release gives back what b holds.
func (b *body) release() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.all.add(b, -b.held)
}
