package routing_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// mortal is a store whose process dies at a commit, before or after that is on disk. Nothing
// that the process does then is seen outside.
type mortal struct {
	*memory.Store
	left    atomic.Int64 // commits
	written bool
	dead    atomic.Bool
	die     func()
}

type mortalSpace struct {
	store.Space
	of *mortal
}

func (s mortalSpace) Store() store.Store { return s.of }

func (m *mortal) Space(name string) (store.Space, error) {
	s, err := m.Store.Space(name)
	return mortalSpace{s, m}, err
}

func (m *mortal) Commit(origin any, steps []store.Step, done func(int, error)) {
	dead := m.dead.Load()
	last := m.left.Add(-1) == 0
	if last {
		m.dead.Store(true)
	}
	if !dead && (!last || m.written) {
		for i := range steps {
			steps[i].Space = steps[i].Space.(mortalSpace).Space
		}
		if !last {
			m.Store.Commit(origin, steps, done)
			return
		}
		m.Store.Commit(origin, steps, func(int, error) {})
	}
	m.die()
	done(-1, fmt.Errorf("killed: %w", eip.ErrNotRunning))
}

// mortalChannel takes nothing from who is dead, and notes what it takes from others.
type mortalChannel struct {
	*eiptest.PostChannel
	of   *mortal
	name string
	log  *sentLog
}

func (c mortalChannel) Handle(ctx context.Context, m *eip.Message) error {
	if c.of.dead.Load() {
		return eip.ErrNotRunning
	}
	if c.log != nil {
		c.log.note(c.name, m)
	}
	return c.PostChannel.Handle(ctx, m)
}

// sentLog is what was sent of each order, once, in the order in which it was sent.
type sentLog struct {
	mu   sync.Mutex
	of   map[string][]string
	said map[string]string // by identifiers
	odd  []string
}

func (l *sentLog) note(channel string, m *eip.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := channel + " " + string(m.Body())
	all := text + " " + m.CorrelationID + fmt.Sprint(m.Headers)
	switch before := l.said[m.ID]; {
	case before == "":
		key, _ := m.Headers["key"].(string)
		if key == "" { // it comes of a reply, or of a time
			if key = text[len(text)-1:]; channel == "refunds" {
				key = "c"
			}
		}
		l.of[key] = append(l.of[key], text)
	case before != all:
		l.odd = append(l.odd, fmt.Sprintf("of the identifier %s came %q and then %q", m.ID, before, all))
	}
	l.said[m.ID] = all
}

// The process is killed at each of its commits in turn. Whatever it was at, all orders come to
// their ends; and each message that they send is sent, in its order, and the same where it is
// sent twice.
func TestProcessManager_KilledAtEachStep(t *testing.T) {
	want := map[string][]string{
		"a": {"notes placed a", `payments {"amount":0,"order":"a"}`, "shipping ship a", "cancelled done a"},
		"b": {"notes placed b", `payments {"amount":0,"order":"b"}`, "release release b", "cancelled cancelled b"},
		"c": {"notes placed c", `payments {"amount":0,"order":"c"}`, "shipping ship c", "refunds refund 7", "release release c", "cancelled cancelled c"},
	}
	for _, written := range []bool{false, true} {
		for at, over := int64(1), false; !over; at++ {
			synctest.Test(t, func(t *testing.T) {
				o := &office{T: t, post: &eiptest.Post{}}
				inner, log := memory.New(), &sentLog{of: map[string][]string{}, said: map[string]string{}}
				live := func(left int64) *mortal {
					m := &mortal{Store: inner, written: written}
					m.left.Store(left)
					o.store = m
					o.plan = func(o *office) *routing.ProcessManager {
						p := o.usual()
						p.Finals[0].Send = []*routing.ProcessSend{{To: o.to("cancelled"), Body: o.of("'done ' + process.key")}}
						for _, to := range [][]eip.Target{p.On[0].Send[0].To, p.On[0].Request[0].To, p.On[0].Undo.Send[0].To, p.States[0].OnReply[0].Send[0].To,
							p.States[0].OnReply[0].Undo.Request[0].To, p.States[1].On[2].Send[0].To, p.Finals[0].Send[0].To, p.Finals[1].Send[0].To} {
							to[0].Handler = mortalChannel{to[0].Handler.(*eiptest.PostChannel), m, strings.TrimPrefix(to[0].Name, "queue."), log}
						}
						return p
					}
					m.die = sync.OnceFunc(func() { o.stop() })
					o.dead = mortalChannel{o.post.Channel("dead"), m, "dead", nil}
					o.open()
					return m
				}
				o.put(ofOrder("a placed"))
				o.put(ofOrder("b placed"))
				o.put(ofOrder("c placed"))
				m := live(at)
				for range 20 {
					time.Sleep(2 * time.Second)
					synctest.Wait()
					if m.dead.Load() {
						<-o.done
						m = live(0)
					}
					o.serve()
				}
				over = m.left.Load() > 0
				if !maps.EqualFunc(log.of, want, slices.Equal) || log.odd != nil {
					t.Errorf("killed at commit %d, written %v: sent %v, %s", at, written, log.of, log.odd)
				}
				if states, left, dead := o.states(), o.left(), o.sent("dead"); states != "" || left != "map[i:9 k:3]" || dead != "" {
					t.Errorf("killed at commit %d, written %v: there are still %s and %s; dead letters %q", at, written, states, left, dead)
				}
				o.shut()
			})
			if t.Failed() {
				return
			}
		}
	}
}

// serve does what the world around the orders does.
func (o *office) serve() {
	o.Helper()
	for _, channel := range []string{"notes", "payments", "shipping", "refunds", "release", "cancelled"} {
		for waiting, _ := o.post.Channel(channel).Waiting(); len(waiting) > 0; waiting = waiting[1:] {
			m := o.take(channel)
			switch {
			case channel == "payments":
				o.answer(m, map[bool]string{true: `{"ok":true,"id":7}`, false: `{"ok":false}`}[m.Headers["key"] != "b"])
			case channel == "refunds":
				o.answer(m, "")
			case string(m.Body()) == "ship a":
				o.put(ofOrder("a shipped"))
			case string(m.Body()) == "ship c":
				o.put(ofOrder("c lost"))
			}
		}
	}
}
