package amqp

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// link is one connection that is made again whenever it is lost. It connects when
// it is first needed.
type link struct {
	config  *broker.Config
	purpose string
	lost    func()          // is called when a connection is lost
	context context.Context // ends with close
	stop    context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	begun   bool
	conn    *connection   // nil while there is none
	change  chan struct{} // closed when conn or blocked changes
	waiting string
	blocked bool
}

func newLink(c *broker.Config, purpose string, lost func()) *link {
	l := &link{config: c, purpose: purpose, lost: lost, change: make(chan struct{}), ended: make(chan struct{})}
	l.context, l.stop = context.WithCancel(context.Background())
	return l
}

// connection waits until there is a connection.
func (l *link) connection(ctx context.Context) (conn *connection, err error) {
	l.mu.Lock()
	if !l.begun && l.context.Err() == nil {
		l.begun, l.waiting = true, "the first connection"
		go l.run()
	}
	l.mu.Unlock()
	err = l.wait(ctx, func() bool {
		conn = l.conn
		return conn != nil && !conn.IsClosed()
	})
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		err = fmt.Errorf("wait for RabbitMQ at %s (%s): %w", l.config.URL.Host, l.waitsFor(), err)
	}
	return nil, err
}

// flowing waits while the broker blocks publishing, under an alarm.
func (l *link) flowing(ctx context.Context) error {
	return l.wait(ctx, func() bool { return !l.blocked })
}

// wait waits until done, which is called with the lock.
func (l *link) wait(ctx context.Context, done func() bool) error {
	for {
		l.mu.Lock()
		ok, change := done(), l.change
		l.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.context.Done():
			return eip.ErrClosed
		}
	}
}

func (l *link) waitsFor() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

func (l *link) set(conn *connection, blocked bool, waiting string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.blocked, l.waiting = conn, blocked, waiting
	close(l.change)
	l.change = make(chan struct{})
}

// run keeps the connection until close.
func (l *link) run() {
	defer close(l.ended)
	urls := append([]string{l.config.URL.String()}, l.config.URLs...)
	wait, said := l.config.Reconnect.Min, map[string]bool{} // since the last connection
	for try := 0; l.context.Err() == nil; try++ {
		raw := urls[try%len(urls)]
		conn, err := l.dial(raw)
		if err != nil {
			if l.context.Err() != nil {
				return
			}
			why := explain(err)
			l.set(nil, false, why)
			if !said[why] && len(said) < 10 {
				said[why] = true
				l.config.Log.Warn("waiting for RabbitMQ", slog.String("connection", l.purpose), slog.String("url", remote.Redact(raw)), slog.String("why", why))
			}
			if try%len(urls) == len(urls)-1 {
				remote.Sleep(l.context, wait)
				wait = min(2*wait, l.config.Reconnect.Max)
			}
			continue
		}
		l.config.Log.Info("connected to RabbitMQ", slog.String("connection", l.purpose), slog.String("url", remote.Redact(raw)))
		wait = l.config.Reconnect.Min
		clear(said)
		l.watch(conn)
	}
}

// watch returns when the connection is lost.
func (l *link) watch(conn *connection) {
	defer close(conn.gone)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	l.set(conn, false, "")
	for {
		select {
		case b, ok := <-blocked:
			if !ok {
				blocked = nil
				continue
			}
			waiting := ""
			if b.Active {
				waiting = "the broker to take messages again; it has blocked publishing: " + b.Reason
				l.config.Log.Warn("RabbitMQ blocks publishing", slog.String("why", b.Reason))
			} else {
				l.config.Log.Info("RabbitMQ takes messages again")
			}
			l.set(conn, b.Active, waiting)
		case err := <-closed:
			why, level := "the connection was lost", slog.LevelWarn
			switch {
			case conn.givenUp.Load():
				why, level = "what was to be closed on it was not closed in time", slog.LevelInfo
			case err != nil:
				why = explain(err)
			}
			l.set(nil, false, why)
			if l.context.Err() == nil {
				l.config.Log.Log(l.context, level, "lost RabbitMQ", slog.String("connection", l.purpose), slog.String("why", why))
			}
			l.lost()
			return
		case <-l.context.Done():
			_ = conn.CloseDeadline(time.Now().Add(2 * time.Second)) // it may be lost already
			l.set(nil, false, "closed")
			return
		}
	}
}

func (l *link) close() {
	l.mu.Lock()
	begun := l.begun
	l.stop() // with the lock, so that nobody begins meanwhile
	l.mu.Unlock()
	if begun {
		<-l.ended
	}
}
