// Package netfault is a network between two ends in a test, which can be cut, can
// swallow what is sent, and can be slow.
package netfault

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy passes connections on to a target.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	opened sync.Cond // no hole any more, or closed
	hole   bool
	rate   int // bytes a second and direction; 0: as fast as can be
	snips  int // how often Snip was called
	closed bool
	conns  map[net.Conn]bool
}

// Start starts a proxy to an address. It ends with the test.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]bool{}}
	p.opened.L = &p.mu
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut resets all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
}

// Snip ends all connections in the middle of what their clients write next: the
// target gets all before, and an orderly end.
func (p *Proxy) Snip() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snips++
}

// Slow lets no more than so many bytes a second pass each way of a connection; 0
// ends it.
func (p *Proxy) Slow(rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = rate
}

// Hole makes a black hole of the network: connections stay, and nothing passes.
func (p *Proxy) Hole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = true
}

// Open ends a hole. What was sent meanwhile arrives.
func (p *Proxy) Open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = false
	p.opened.Broadcast()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.opened.Broadcast()
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(client, server) {
			return
		}
		p.running.Go(func() { p.pass(client, server, true) })
		p.running.Go(func() { p.pass(server, client, false) })
	}
}

func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close()
		} else {
			p.conns[c] = true
		}
	}
	return !p.closed
}

// pass copies one direction, and ends both with it.
func (p *Proxy) pass(from, to net.Conn, outward bool) {
	defer p.end(from, to)
	buffer := make([]byte, 64<<10)
	snips := p.snipped()
	for {
		n, err := from.Read(buffer[:p.portion(len(buffer))])
		p.wait()
		snip := outward && n > 0 && p.snipped() != snips
		if snip {
			n = rand.N(n)
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || snip {
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				reset(to)
			}
			return
		}
	}
}

const pauses = 20 // a second, where the network is slow

// portion is how much may pass next, after a pause where the network is slow.
func (p *Proxy) portion(most int) int {
	p.mu.Lock()
	rate, closed := p.rate, p.closed
	p.mu.Unlock()
	if rate == 0 || closed {
		return most
	}
	time.Sleep(time.Second / pauses)
	return min(most, max(rate/pauses, 1))
}

func (p *Proxy) snipped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snips
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing is then a reset
	}
	_ = c.Close()
}

func (p *Proxy) end(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// wait waits while there is a hole.
func (p *Proxy) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hole && !p.closed {
		p.opened.Wait()
	}
}
