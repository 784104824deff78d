package amqp

import (
	"net"
	"sync"
	"time"
)

// maxGathered bounds what is written and not yet sent; more blocks the writer.
const maxGathered = 256 << 10

// gathered is a net.Conn that gathers small writes: while one system call is under
// way, further writes fill a buffer that the next one sends. The client library
// flushes each publish by itself; this turns a burst of them into few packets, and
// delays nothing when there is no burst.
type gathered struct {
	net.Conn
	mu      sync.Mutex
	changed sync.Cond
	filling []byte
	sending bool
	err     error
	closed  bool
	done    chan struct{}
}

func gather(conn net.Conn) net.Conn {
	g := &gathered{Conn: conn, done: make(chan struct{})}
	g.changed.L = &g.mu
	go g.send()
	return g
}

func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.filling) > maxGathered && g.err == nil && !g.closed {
		g.changed.Wait()
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case g.closed:
		return 0, net.ErrClosed
	}
	g.filling = append(g.filling, p...)
	g.changed.Broadcast()
	return len(p), nil
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
		if len(g.filling) == 0 || g.err != nil {
			return
		}
		full := g.filling
		g.filling, g.sending = spare[:0], true
		g.mu.Unlock()
		_, err := g.Conn.Write(full)
		g.mu.Lock()
		if spare = full; cap(spare) > 4*maxGathered {
			spare = nil
		}
		g.sending = false
		if err != nil {
			g.err = err
		}
		g.changed.Broadcast()
	}
}

// Close sends what was gathered, for a second at most, and closes.
func (g *gathered) Close() error {
	g.mu.Lock()
	g.closed = true
	g.changed.Broadcast()
	g.mu.Unlock()
	_ = g.Conn.SetWriteDeadline(time.Now().Add(time.Second)) // if it fails, so does the write
	<-g.done
	return g.Conn.Close()
}
