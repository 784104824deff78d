package routing_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

// Whoever can send to the inbox moves no process but the one that he was asked by.
func TestProcessManager_HostileReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elsewhere := newOffice(t, nil) // the best forger: a process manager of the same address
		elsewhere.come("a placed")
		theirs := elsewhere.take("payments").CorrelationID
		elsewhere.shut()

		o := newOffice(t, nil)
		o.come("a placed", "b placed")
		a, b := o.take("payments"), o.take("payments")
		flipped := []string{theirs, "", "x", a.CorrelationID + "A", a.CorrelationID[1:], a.CorrelationID + "\n", a.CorrelationID[:20] + "\n" + a.CorrelationID[20:]}
		id, _ := base64.RawURLEncoding.DecodeString(a.CorrelationID)
		for i := range id {
			id[i] ^= 1
			flipped = append(flipped, base64.RawURLEncoding.EncodeToString(id))
			id[i] ^= 1
		}
		other, _ := base64.RawURLEncoding.DecodeString(b.CorrelationID)
		flipped = append(flipped, base64.RawURLEncoding.EncodeToString(append(append([]byte{}, id[:24]...), other[24:]...)))
		for _, id := range flipped {
			forged := *a
			forged.CorrelationID = id
			o.answer(&forged, `{"ok":true}`)
		}
		if got := o.states(); got != "a paying, b paying" {
			t.Errorf("processes %s", got)
		}
		o.counts(counts{"started": 2, "events": 2, "unmatched": int64(len(flipped)), "processes": 2, "in_paying": 2})
		o.expect(wanted{"notes": "placed a | placed b"})

		// A reply is of the process that asked, whatever else it says.
		_ = o.post.SendTo(t.Context(), b.ReplyTo, eiptest.Message(`{"ok":true}`).WithHeaders(eip.Headers{"key": "a", header.Test: eip.NewID(), header.To: "queue.release"}).With(func(m *eip.Message) {
			m.CorrelationID, m.ReplyTo, m.Type = b.CorrelationID, "elsewhere", "cancel"
		}))
		if got := o.states(); got != "a paying, b shipping" {
			t.Errorf("processes %s", got)
		}
		if shipped := o.take("shipping"); shipped.Headers[header.Test] != nil || shipped.Headers[header.To] != nil || shipped.ReplyTo != "" {
			t.Errorf("shipped %+v", shipped)
		}
		o.shut()
	})
}

// A channel that does not take what is sent does not hold up the processes, nor change the
// order of what one of them sends.
func TestProcessManager_OrderOverFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		fails.Store(true)
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			o.retry.Attempts = 100
			busy := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if key := m.Headers["key"]; key == "a" && fails.Load() {
					return errAway
				}
				return o.post.Channel("notes").Handle(ctx, m)
			})
			p.On[0].Send[0].To[0].Handler, p.States[1].On[2].Send[0].To[0].Handler = busy, busy
		})
		o.come("a placed", "b placed")
		o.expect(wanted{"notes": "placed b", "payments": `{"amount":0,"order":"b"}`}) // a's request is behind what fails
		time.Sleep(30 * time.Millisecond)
		fails.Store(false)
		time.Sleep(time.Minute)
		o.expect(wanted{"notes": "placed b | placed a", "payments": `{"amount":0,"order":"b"} | {"amount":0,"order":"a"}`})
		o.shut()
	})
}

// What cannot be sent for good becomes a dead letter that says where it was to go, and a
// replay brings it there.
func TestProcessManager_Replay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		fails.Store(true)
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			broken := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if fails.Load() {
					return eip.Permanent(errAway)
				}
				return o.post.Channel("notes").Handle(ctx, m)
			})
			p.On[0].Send[0].To[0].Handler, p.States[1].On[2].Send[0].To[0].Handler = broken, broken
		})
		o.come("a placed")
		dead := o.take("dead")
		if dead.Headers[header.To] != "queue.notes" || dead.Headers[header.After] != "f.order" || dead.Headers[header.Stage] != "f.order" {
			t.Errorf("headers %v", dead.Headers)
		}
		fails.Store(false)
		if err := o.flow.Replay(dead.Revived().Fork(nil), nil); err != nil {
			t.Error(err)
		}
		o.expect(wanted{"notes": "placed a", "payments": `{"amount":0,"order":"a"}`})
		for _, m := range []*eip.Message{dead.Revived().WithHeader(header.To, "queue.elsewhere"), dead.Revived().WithHeader(header.To, 1)} {
			_ = o.flow.Replay(m.Fork(nil), nil)
			o.take("dead")
		}

		// What waited for a process comes to it again.
		o.stage.Unexpected.Set("wait")
		o.come(`a shipped "late"`)
		time.Sleep(time.Minute)
		late := o.take("dead")
		o.answer(o.take("payments"), `{"ok":true}`)
		_ = o.flow.Replay(late.Revived().Fork(nil), nil)
		if got := o.states(); got != "" {
			t.Errorf("processes %s", got)
		}
		o.shut()
	})
}

// Whoever sends a message that waits does not say where a replay of it goes.
func TestProcessManager_ReplayGoesToNoForeignTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) { p.Unexpected.Set("wait") })
		o.come("a placed")
		o.put(ofOrder(`a shipped "mine"`).WithHeader(header.To, "queue.release"))
		synctest.Wait()
		time.Sleep(time.Minute)
		late := o.take("dead")
		o.answer(o.take("payments"), `{"ok":true}`)
		_ = o.flow.Replay(late.Revived().Fork(nil), nil)
		o.expect(wanted{"notes": "placed a", "shipping": "ship a"})
		if got := o.states(); got != "" {
			t.Errorf("processes %s", got)
		}
		o.shut()
	})
}

// Where what one process sends is not taken, what comes for it waits in its channel, and no
// more is put down than is bounded.
func TestProcessManager_SlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 4000
		var mu sync.Mutex
		var got []string
		var held []func(error)
		opened := make(chan struct{})
		o := newOffice(t, func(o *office, p *routing.ProcessManager) {
			p.States[1].On[2].Send[0].To = []eip.Target{{Name: "queue.slow", Handler: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(m.Body()))
				select {
				case <-opened:
				default:
					held = append(held, m.Hold())
				}
				return nil
			})}}
		})
		o.come("a placed")
		o.answer(o.take("payments"), `{"ok":true}`)
		for i := range n {
			o.put(ofOrder(fmt.Sprintf("a note %d", i)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if waiting, _ := o.post.Channel("in").Waiting(); len(waiting) < n-3000 || len(held) != 1 {
			t.Errorf("%d wait in their channel, %d are sent", len(waiting), len(held))
		}
		close(opened)
		held[0](nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(got) != n || !slices.IsSortedFunc(got, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }) {
			t.Errorf("%d were sent, or not in their order", len(got))
		}
		o.shut()
	})
}
