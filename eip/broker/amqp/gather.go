package amqp

import (
	"context"
	"net"
	"sync"
	"time"
)

// maxGathered is how much may wait to be sent before publishers wait.
const maxGathered = 256 << 10

// gathered is a net.Conn that gathers small writes: while one system call is under
// way, further writes fill a buffer that the next one sends. The client library
// flushes each publish by itself; this turns a burst of them into few packets, and
// delays nothing when there is no burst.
//
// Write does not block: the library holds locks over it that it needs to notice a
// lost connection. Who writes much calls drained before.
type gathered struct {
	net.Conn
	in      *inbound
	mu      sync.Mutex
	changed sync.Cond
	filling []byte
	taken   chan struct{} // where somebody waits in drained: closed when filling is
	err     error
	closed  bool
	done    chan struct{}
}

func gather(conn net.Conn) *gathered {
	g := &gathered{Conn: conn, in: newInbound(conn), done: make(chan struct{})}
	g.changed.L = &g.mu
	go g.send()
	return g
}

func (g *gathered) Read(p []byte) (int, error) { return g.in.Read(p) }

func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.err != nil:
		return 0, g.err
	case g.closed:
		return 0, net.ErrClosed
	}
	if len(g.filling) == 0 {
		g.changed.Signal()
	}
	g.filling = append(g.filling, p...)
	return len(p), nil
}

// drained waits until little is left to be sent.
func (g *gathered) drained(ctx context.Context) error {
	for {
		g.mu.Lock()
		if len(g.filling) <= maxGathered || g.err != nil || g.closed {
			g.mu.Unlock()
			return nil
		}
		if g.taken == nil {
			g.taken = make(chan struct{})
		}
		taken := g.taken
		g.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gathered) send() {
	defer close(g.done)
	var spare []byte
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for len(g.filling) == 0 && !g.closed && g.err == nil {
			g.changed.Wait()
		}
		if g.taken != nil {
			close(g.taken)
			g.taken = nil
		}
		if len(g.filling) == 0 || g.err != nil {
			return
		}
		full := g.filling
		g.filling = spare[:0]
		g.mu.Unlock()
		_, err := g.Conn.Write(full)
		if spare = full; cap(spare) > 4*maxGathered {
			spare = nil
		}
		g.mu.Lock()
		if err != nil {
			g.err = err
		}
	}
}

// Close sends what was gathered, for a second at most, and closes.
func (g *gathered) Close() error {
	g.mu.Lock()
	g.closed = true
	g.changed.Signal()
	g.mu.Unlock()
	_ = g.Conn.SetWriteDeadline(time.Now().Add(time.Second)) // if it fails, so does the write
	<-g.done
	return g.Conn.Close()
}
