package routing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// deaf is a channel whose inboxes fail for good once they are open.
type deaf struct{ *eiptest.PostChannel }

func (d deaf) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	in, err := d.PostChannel.Inbox(ctx, name)
	return deafInbox{in}, err
}

func (d deaf) Read(ctx context.Context) (eip.Inbox, error) { return d.Inbox(ctx, "") }

type deafInbox struct{ eip.Inbox }

func (deafInbox) Receive(context.Context) (*eip.Message, error) { return nil, errLocked }

// Who listens to a channel beside its flow does not go on as if nothing were when that ends.
func TestListens_NoLonger(t *testing.T) {
	for name, of := range map[string]func(t *testing.T, lost deaf) eip.Stage{
		"dynamic_router": func(_ *testing.T, lost deaf) eip.Stage {
			r := newDynamicRouter(memory.New(), eip.Discard)
			r.Control = lost
			return r
		},
		"process_manager": func(t *testing.T, lost deaf) eip.Stage { return requesting(t, lost) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				post := &eiptest.Post{}
				f := &eip.Flow{Name: "f", Source: post.Channel("in"), DeadLetter: post.Channel("dead"), Retry: eip.Retry{Attempts: 1}, Stages: []eip.Stage{&eip.Named{Address: "f.s", Stage: of(t, deaf{post.Channel("lost")})}}}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- f.Run(ctx) }()
				synctest.Wait()
				if err := f.Trouble(); !errors.Is(err, errLocked) {
					t.Errorf("its trouble: %v", err)
				}
				if err := post.SendTo(t.Context(), "in", eiptest.Message("{}").WithHeader("key", "1").With(func(m *eip.Message) { m.Type = "placed" })); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if bodies, _ := post.Channel("dead").Waiting(); len(bodies) != 1 || !strings.Contains(f.LastFailure()["eip-error"].(string), errLocked.Error()) {
					t.Errorf("dead letters %q, %v", bodies, f.LastFailure())
				}
				stop()
				if err := <-done; !errors.Is(err, errLocked) {
					t.Errorf("it ended with %v", err)
				}
				if err := f.Trouble(); err != nil {
					t.Errorf("it is closed, and in trouble: %v", err)
				}
			})
		})
	}
}

// requesting is a process manager whose requests go to a channel.
func requesting(t *testing.T, service eip.Handler) *routing.ProcessManager {
	o := &office{T: t, post: &eiptest.Post{}}
	p := o.usual()
	p.Store = store.In(memory.New())
	p.On[0].Request[0].To = targets(service, "queue.lost")
	return p
}

// A flow that stops and runs again is looked at all the while; the race detector sees to the
// rest.
func TestListens_RunsAgain(t *testing.T) {
	router, manager := newDynamicRouter(memory.New(), eip.Discard), requesting(t, (&eiptest.Post{}).Channel("service"))
	router.Otherwise.To = eip.Discard
	for name, tt := range map[string]struct {
		eip.Stage
		look func()
	}{
		"dynamic_router": {router, func() {
			_, _, _ = router.Busy(), router.Stats(), router.Trouble()
			_, _, _ = router.Groups("", 1)
		}},
		"process_manager": {manager, func() { _ = manager.Trouble() }},
	} {
		t.Run(name, func(t *testing.T) {
			end, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				for {
					select {
					case <-end:
						return
					default:
					}
					tt.look()
				}
			}()
			f := &eip.Flow{Name: "f", Source: (&eiptest.Post{}).Channel("in"), Stages: []eip.Stage{&eip.Named{Address: "f.s", Stage: tt.Stage}}}
			for range 20 {
				ctx, stop := context.WithCancel(t.Context())
				f.Ready = stop
				if err := f.Run(ctx); err != nil {
					t.Fatal(err)
				}
			}
			close(end)
			<-ended
		})
	}
}
