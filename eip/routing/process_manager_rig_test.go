package routing_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// office is a flow with a process manager, and the broker around it, on which orders come
// in and what is sent waits.
type office struct {
	*testing.T
	post  *eiptest.Post
	store store.Store
	plan  func(*office) *routing.ProcessManager
	stage *routing.ProcessManager
	flow  *eip.Flow
	stop  context.CancelFunc
	done  chan error
	dead  eip.Handler // of dead letters
	retry eip.Retry
}

// newOffice opens an office of the usual plan, as set changes it.
func newOffice(t *testing.T, set func(*office, *routing.ProcessManager)) *office {
	o := &office{T: t, post: &eiptest.Post{}, store: memory.New(), retry: eip.Retry{Attempts: 2, Delay: time.Millisecond}}
	o.dead = o.post.Channel("dead")
	o.plan = func(o *office) *routing.ProcessManager {
		p := o.usual()
		if set != nil {
			set(o, p)
		}
		return p
	}
	o.open()
	return o
}

func (o *office) open() {
	o.Helper()
	o.stage = o.plan(o)
	o.stage.Store = store.In(o.store)
	if err := o.stage.Validate(); err != nil {
		o.Fatal(err)
	}
	o.done = make(chan error, 1)
	o.flow = &eip.Flow{Name: "f", Source: o.post.Channel("in"), Stages: []eip.Stage{&eip.Named{Address: "f.order", Stage: o.stage}},
		DeadLetter: o.dead, Invalid: o.post.Channel("invalid"), Grace: time.Second, Retry: o.retry}
	var ctx context.Context
	ctx, o.stop = context.WithCancel(context.Background())
	go func() { o.done <- o.flow.Run(ctx) }()
}

// shut ends the flow, and looks whether it has nothing in hand any more.
func (o *office) shut() {
	o.Helper()
	synctest.Wait()
	o.stop()
	if err := <-o.done; err != nil {
		o.Error(err)
	}
	if c, _ := o.flow.Counts(); c.InFlight != 0 || c.Received+c.Made != c.Sent+c.Failed+c.Dropped+c.Absorbed {
		o.Errorf("counts at the end: %+v", c)
	}
}

// to is where a name leads to.
func (o *office) to(name string) []eip.Target {
	return []eip.Target{{Name: "queue." + name, Handler: o.post.Channel(name)}}
}

// come has messages come, of the form KEY TYPE or KEY TYPE BODY, each with an identifier of
// its own, and waits until nothing moves.
func (o *office) come(all ...string) {
	for _, text := range all {
		o.put(ofOrder(text))
	}
	synctest.Wait()
}

func (o *office) put(m *eip.Message) { _ = o.post.Channel("in").Handle(context.Background(), m) }

func ofOrder(text string) *eip.Message {
	f := strings.SplitN(text, " ", 3)
	body := "{}"
	if len(f) > 2 {
		body = f[2]
	}
	return eiptest.Message(body).WithHeader("key", f[0]).With(func(m *eip.Message) { m.ID, m.Type = text, f[1] })
}

// take takes the first message out of a channel.
func (o *office) take(channel string) *eip.Message {
	o.Helper()
	synctest.Wait()
	ctx, cancel := context.WithTimeout(o.Context(), 1) // which in a bubble lasts until nothing moves
	defer cancel()
	m, err := o.post.Channel(channel).Receive(ctx)
	if err != nil {
		o.Fatalf("nothing came to %s", channel)
	}
	eip.Deliver(o.Context(), eip.Discard, m)
	return m
}

// answer replies to a request.
func (o *office) answer(request *eip.Message, body string) {
	o.Helper()
	o.reply(request, eiptest.Message(body))
}

// refuse replies to a request with an error.
func (o *office) refuse(request *eip.Message) {
	o.Helper()
	o.reply(request, eiptest.Message("").WithHeaders(eip.Headers{header.ErrorCode: "failed", header.Error: "no money"}))
}

func (o *office) reply(request, reply *eip.Message) {
	o.Helper()
	reply = reply.With(func(m *eip.Message) { m.ID, m.CorrelationID = "", request.CorrelationID })
	if err := o.post.SendTo(o.Context(), request.ReplyTo, reply); err != nil {
		o.Error(err)
	}
	synctest.Wait()
}

// sent are the bodies in a channel, which stay there.
func (o *office) sent(channel string) string {
	synctest.Wait()
	bodies, _ := o.post.Channel(channel).Waiting()
	return strings.Join(bodies, " | ")
}

// expect compares what is in channels; those that are not named are to be empty.
func (o *office) expect(want map[string]string) {
	o.Helper()
	for _, channel := range []string{"payments", "shipping", "notes", "cancelled", "release", "refunds", "dead", "invalid"} {
		if got := o.sent(channel); got != want[channel] {
			o.Errorf("%s has %q, want %q", channel, got, want[channel])
		}
	}
}

// states are the processes that there are, with their states.
func (o *office) states() string {
	o.Helper()
	synctest.Wait()
	all, _, err := o.stage.Groups("", 1000)
	if err != nil {
		o.Error(err)
	}
	var texts []string
	for _, g := range all {
		texts = append(texts, g.Key+" "+g.State)
	}
	return strings.Join(texts, ", ")
}

// counts compares some of the counts, and what is not named where it is not zero.
func (o *office) counts(want map[string]int64) {
	o.Helper()
	synctest.Wait()
	own := o.stage.Stats()
	got := map[string]int64{}
	for name, n := range own.Counts {
		if n != 0 && name != "oldest_s" && name != "unidentified" {
			got[name] = n
		}
	}
	for name, n := range own.Branches {
		if n != 0 {
			got["→"+name] = n
		}
	}
	if !maps.Equal(got, want) {
		o.Errorf("counts %v, want %v", got, want)
	}
}

// usual is the plan of an order: it is paid and shipped, or cancelled.
func (o *office) usual() *routing.ProcessManager {
	p := routing.NewProcessManager()
	p.Key = byKey
	p.On = []*routing.ProcessEvent{{Label: "placed", If: o.when("message.type == 'placed'"), ProcessAction: routing.ProcessAction{
		Set:     o.set("total", "body.total ?? 0"),
		Send:    []*routing.ProcessSend{{To: o.to("notes"), Body: o.of("'placed ' + process.key")}},
		Request: []*routing.ProcessRequest{{Label: "payment", To: o.to("payments"), Body: o.of("{'order': process.key, 'amount': process.data.total}")}},
		Undo:    &routing.ProcessUndo{Send: []*routing.ProcessSend{{To: o.to("release"), Body: o.of("'release ' + process.key")}}},
		Goto:    "paying",
	}}}
	p.States = []*routing.ProcessState{
		{Label: "paying",
			On: []*routing.ProcessEvent{{Label: "cancel", If: o.when("message.type == 'cancel'"), ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}}},
			OnReply: []*routing.ProcessReply{
				{Label: "payment", If: o.when("body.ok"), ProcessAction: routing.ProcessAction{
					Set:  o.set("paid", "body.id"),
					Send: []*routing.ProcessSend{{To: o.to("shipping"), Body: o.of("'ship ' + process.key")}},
					Undo: &routing.ProcessUndo{Request: []*routing.ProcessRequest{{Label: "refund", To: o.to("refunds"), Body: o.of("'refund ' + string(process.data.paid)"), Timeout: time.Minute}}},
					Goto: "shipping"}},
				{Label: "payment", ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}},
			},
			After: []*routing.ProcessAfter{{Label: "10m", ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}}},
		},
		{Label: "shipping", On: []*routing.ProcessEvent{
			{Label: "shipped", If: o.when("message.type == 'shipped'"), ProcessAction: routing.ProcessAction{Goto: "done"}},
			{Label: "lost", If: o.when("message.type == 'lost'"), ProcessAction: routing.ProcessAction{UndoTo: "cancelled"}},
			{Label: "note", If: o.when("message.type == 'note'"), ProcessAction: routing.ProcessAction{Send: []*routing.ProcessSend{{To: o.to("notes")}}}},
		}},
	}
	p.Finals = []*routing.ProcessFinal{{Label: "done"}, {Label: "cancelled", Send: []*routing.ProcessSend{{To: o.to("cancelled"), Body: o.of("'cancelled ' + process.key")}}}}
	return p
}

func (o *office) of(source string) (e routing.OfProcess) {
	o.Helper()
	see(o.T, &e, source)
	return e
}

func (o *office) when(source string) (e routing.ProcessPredicate) {
	o.Helper()
	m, reads, err := expression.Deciding(source, e.Sees(), e.Decides())
	if err != nil {
		o.Fatal(err)
	}
	e.Compiled(m, reads)
	return e
}

// set are expressions by their names.
func (o *office) set(pairs ...string) map[string]routing.OfProcess {
	o.Helper()
	all := map[string]routing.OfProcess{}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = o.of(pair[1])
	}
	return all
}

// many is how often what goes wrong seldom is tried.
func many() int {
	if os.Getenv("EIPD_SOAK") != "" {
		return 10_000
	}
	return 1000
}

// left are the keys of the store, by their first letters, without the secrets.
func (o *office) left() string {
	space, err := o.store.Space("f.order")
	if err != nil {
		o.Fatal(err)
	}
	n := map[string]int{}
	_ = space.View(func(r store.Reader) error {
		for key := range r.Range("", "") {
			if key[0] == 0 && key[1] == 'o' || key[0] != 0 && key[0] != 's' {
				n[strings.Trim(key[:1], "\x00")]++
			}
		}
		return nil
	})
	return fmt.Sprint(n)
}
