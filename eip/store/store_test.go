package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts messages, and sends each count once three have come.
type counter struct {
	space  store.Space
	outbox store.Outbox
}

func (c *counter) Open(ctx context.Context, env *eip.Env) error {
	return c.outbox.Open(ctx, env, c.space)
}

func (c *counter) Close(context.Context) error { c.outbox.Close(); return nil }

func (c *counter) Finish(ctx context.Context) error { return c.outbox.Flush(ctx) }

func (c *counter) Process(_ context.Context, m *eip.Message, _ eip.Handler) error {
	m.Absorb()
	store.Keep(m, c.space, func(tx store.Tx) error {
		if string(m.Body()) == "bad" {
			tx.Put("count", []byte("1000"), time.Time{})
			return eip.Invalid(errors.New("it is bad"))
		}
		was, _ := tx.Get("count")
		n, _ := strconv.Atoi(string(was))
		tx.Put("count", strconv.AppendInt(nil, int64(n+1), 10), time.Time{})
		if (n+1)%3 == 0 {
			return c.outbox.Put(tx, eip.New(fmt.Appendf(nil, "%d", n+1), nil), time.Time{})
		}
		return nil
	})
	return nil
}

func (c *counter) Ends() (last, passes bool) { return false, true }

// stores are those that are tested.
func stores(t *testing.T) map[string]store.Store {
	b, err := embedded.Open(broker.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return map[string]store.Store{"memory": memory.New(), "embedded": b.State()}
}

type list []*eip.Message

func (l *list) Receive(context.Context) (*eip.Message, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	m := (*l)[0]
	*l = (*l)[1:]
	return m, nil
}

func TestStage_RemembersAndMakes(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			space, err := s.Space("f.counter")
			if err != nil {
				t.Fatal(err)
			}
			var in list
			var mu sync.Mutex
			for _, body := range []string{"a", "b", "bad", "c", "d", "e", "f", "g"} {
				in = append(in, eip.New([]byte(body), nil))
			}
			var out, dead []string
			collect := func(to *[]string) eip.Handler {
				return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
					mu.Lock()
					defer mu.Unlock()
					*to = append(*to, string(m.Body()))
					if len(m.ID) != 32 && to == &out {
						t.Errorf("the Message ID is %q", m.ID)
					}
					return nil
				})
			}
			f := &eip.Flow{Name: "f", Source: &in, Stages: []eip.Stage{&eip.Named{Address: "f.counter", Stage: &counter{space: space}}}, To: collect(&out), DeadLetter: collect(&dead)}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(out, dead); got != "[3 6] [bad]" {
				t.Errorf("sent and failed: %s", got)
			}
			c, _ := f.Counts()
			if c.Received != 8 || c.Made != 2 || c.Sent != 2 || c.Absorbed != 7 || c.Invalid != 1 || c.InFlight != 0 {
				t.Errorf("counts: %+v", c)
			}
			_ = space.View(func(r store.Reader) error {
				if n, _ := r.Get("count"); string(n) != "7" {
					t.Errorf("it counted %s", n)
				}
				for _, key := range r.Due() {
					t.Errorf("%q is due", key)
				}
				return nil
			})
		})
	}
}
