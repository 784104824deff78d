package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/telemetry"
)

// arrived is a chan struct{} that is closed when the broker "away" is there. What an earlier
// test has given up may look at it still.
var arrived atomic.Value

func init() {
	broker.Registry.Add("away", func() broker.Transport {
		t := topicless(nil)
		open := t.Open
		t.Open = func(ctx context.Context, c broker.Config) (broker.Broker, error) {
			b, err := open(ctx, c)
			return awayBroker{b}, err
		}
		return t
	})
}

type awayBroker struct{ broker.Broker }

func (awayBroker) await(ctx context.Context) error {
	select {
	case <-arrived.Load().(chan struct{}):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b awayBroker) Status() broker.Status {
	select {
	case <-arrived.Load().(chan struct{}):
		return broker.Status{URL: "away:", Connected: true}
	default:
		return broker.Status{URL: "away:", Waiting: "nobody is there"}
	}
}

func (b awayBroker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	if err := b.await(ctx); err != nil {
		return nil, err
	}
	return b.Broker.Source(ctx, c, s)
}

func (b awayBroker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	if err := b.await(ctx); err != nil {
		return nil, err
	}
	return b.Broker.Sender(ctx, c)
}

// A process that waits for a broker can be asked what it waits for, and carries out
// what is more than that when its flows run.
func TestProcess_AnswersWhileItStarts(t *testing.T) {
	for name, text := range map[string]string{
		"for a source":     "from = queue.in\n filter { if = \"true\" }\n to = queue.here",
		"for a target":     "from = queue.here\n filter { if = \"true\" }\n to = queue.in",
		"for dead letters": "from = queue.here\n dead_letter = queue.in\n filter { if = \"true\" }\n to = queue.there",
	} {
		for _, comes := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				arrived.Store(make(chan struct{}))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				dir := t.TempDir()
				socket := filepath.Join(dir, control.SocketName)
				answering, ended := make(chan *host.Host, 1), make(chan error, 1)
				asked := make(chan struct{})
				c := load(t, `
					broker "b" { url = "away:" }
					queue "in" { broker = broker.b }
					queue "here" {}
					queue "there" {}
					flow "f" {
					`+text+"\n}")
				go func() {
					p, err := start(ctx, c, host.Options{DataDir: dir, Answering: func(p *host.Host) error {
						answering <- p
						return p.Control().ServeSocket(socket)
					}})
					if err == nil {
						if st := ask[control.Status](t, socket, "status", ""); st.State != "running" {
							t.Errorf("at last it is %s", st.State)
						}
						<-asked
						err = p.Stop()
					}
					ended <- err
				}()
				p := <-answering
				st := control.Status{}
				for deadline := time.Now().Add(time.Minute); len(st.Brokers) < 1 || st.Brokers[0].Connected; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("it says %+v", st)
					}
					if _, err := os.Stat(socket); err == nil {
						st = ask[control.Status](t, socket, "status", "")
					}
				}
				if st.State != "starting" || len(st.Stopped) != 0 || st.Brokers[0].Waiting != "nobody is there" {
					t.Errorf("it says %+v", st)
				}
				if g := ask[control.Graph](t, socket, "list", ""); g.Flows[0].State != control.Starting || len(g.Flows[0].Stages) == 0 {
					t.Errorf("it has %+v", g)
				}
				ask[map[string]any](t, socket, "stats", "")
				ask[map[string]any](t, socket, "stats", "queue.*")
				if h := telemetry.Check(telemetry.Starting, p); h.Ready || len(h.Brokers) == 0 || len(h.Degraded) != 2 {
					t.Errorf("its health is %+v", h)
				}
				if comes {
					time.AfterFunc(50*time.Millisecond, func() { close(arrived.Load().(chan struct{})) })
					ask[any](t, socket, "start", "f")
					close(asked)
				} else {
					cancel()
				}
				if err := <-ended; (err == nil) != comes || !comes && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if _, err := os.Stat(socket); err == nil {
					t.Error("its socket is there still")
				}
			})
		}
	}
}

// A Host that is stopped gives up what it starts.
func TestHost_StopsWhileItStarts(t *testing.T) {
	arrived.Store(make(chan struct{}))
	c := load(t, `
		broker "b" { url = "away:" }
		queue "in" { broker = broker.b }
		flow "f" {
		  from = queue.in
		  discard {}
		}`)
	answering := make(chan struct{})
	h := host.New(host.Options{Answering: func(*host.Host) error {
		close(answering)
		return nil
	}})
	ended := make(chan error)
	go func() {
		_, err := h.Start(t.Context(), c)
		ended <- err
	}()
	<-answering
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("it started")
	}
	if _, err := h.Start(t.Context(), c); err == nil {
		t.Error("it starts after its end")
	}
}

func ask[T any](t *testing.T, socket, command, target string) (v T) {
	c, err := control.DialSocket(socket)
	if err != nil {
		t.Error(err)
		return v
	}
	for r, err := range c.Do(t.Context(), control.Command{Command: command, Target: target}, control.Collect{Wait: time.Minute}) {
		if err == nil {
			err = r.Read(&v)
		}
		if err != nil {
			t.Errorf("%s %s: %v", command, target, err)
		}
	}
	return v
}
