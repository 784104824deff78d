package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

var (
	orders = deadletter.Selection{Flow: "orders"}
	atOnce = deadletter.Plan{Canary: []int{}, Rate: -1}
)

// A flow that still fails is tried with one letter; mended, it has all the others, and
// that one.
func TestReplay_Canary(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(200)...)
		f.do(func(*eip.Message) error { return errors.New("still no connection") })
		j := b.rests(b.replay(orders, deadletter.Plan{}).ID)
		b.is(j, deadletter.Paused, "still no connection; before: no connection", deadletter.Progress{Pending: 199, FailedAgain: 1})
		if len(f.came) != 1 || len(j.Failures) != 1 || j.Step != 1 || j.Steps != 4 {
			t.Errorf("%d were tried: %+v", len(f.came), j)
		}
		f.do(nil)
		if _, err := b.jobs.Resume(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		b.is(b.rests(j.ID), deadletter.Done, "", deadletter.Progress{Passed: 199, FailedAgain: 1})
		same(t, "it came", f.bodies(), append([]string{"0"}, numbered(200)[1:]...))
		same(t, "what failed again waits", f.waiting(), []string{"0"})
		if h := f.came[1].Headers; h[header.Replays] != 1 || h[header.ReplayedBy] != "test/"+j.ID || h[header.Failed] != nil {
			t.Errorf("headers %v", h)
		}
	})
}

// A flow that fails for 3 of 100 is stopped within the bounds of the plan.
func TestReplay_StopAfter(t *testing.T) {
	for after, want := range map[int]int{0: 5, 3: 3} {
		within(t, func(t *testing.T, b *bench, f *flow) {
			f.letters(numbered(1000)...)
			n := 0
			f.do(func(*eip.Message) error {
				if n++; n%33 == 0 {
					return errors.New("one of 33")
				}
				return nil
			})
			j := b.rests(b.replay(orders, deadletter.Plan{Canary: []int{1, 10}, Rate: -1, StopAfter: after}).ID)
			if j.State != deadletter.Paused || j.Messages.FailedAgain != want || j.Step != 3 {
				t.Errorf("it tolerates %d: %+v", after, j)
			}
		})
	}
}

// A letter before which steps were undone waits for somebody who sends it anew.
func TestReplay_NotOfWhatWasUndone(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		undone := eip.New([]byte("undone"), nil).WithHeader(header.Undo, "queue.refund")
		if err := f.send(f.dead(undone, "no connection to port 5432")); err != nil {
			t.Fatal(err)
		}
		named := orders
		named.IDs = []string{b.jobs.Read(f.dead(undone, "no connection to port 5432")).ID}
		for _, s := range []deadletter.Selection{orders, named} {
			if _, err := b.jobs.Replay(t.Context(), s, atOnce, "me"); err == nil || !strings.Contains(err.Error(), "was undone; export it") {
				t.Errorf("it says %v", err)
			}
		}
		f.letters("1")
		b.is(b.rests(b.replay(orders, atOnce).ID), deadletter.Done, "", deadletter.Progress{Passed: 1})
		same(t, "it waits", f.waiting(), []string{"undone"})
	})
}

// What fails while a job runs is none of it, though it is of the same group.
func TestReplay_Frozen(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(100)...)
		j := b.replay(orders, deadletter.Plan{Canary: []int{}, Rate: 10})
		var late []string
		for i := range 1000 {
			late = append(late, fmt.Sprint("late ", i))
		}
		f.letters(late...)
		b.is(b.rests(j.ID), deadletter.Done, "", deadletter.Progress{Passed: 100})
		same(t, "it came", f.bodies(), numbered(100))
		same(t, "it waits", f.waiting(), late)
	})
}

// Letters begin at the rate that the plan says.
func TestReplay_Rate(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(1000)...)
		j := b.replay(orders, deadletter.Plan{Canary: []int{}, Rate: 20})
		time.Sleep(30*time.Second - time.Millisecond)
		if n := len(f.bodies()); n < 588 || n > 612 {
			t.Errorf("%d letters in 30 s", n)
		}
		if _, err := b.jobs.Cancel(t.Context(), j.ID, "me"); err != nil {
			t.Fatal(err)
		}
		seconds := map[int]int{}
		for _, at := range f.times {
			seconds[int(at.Sub(f.times[0])/time.Second)]++
		}
		for s, n := range seconds {
			if n > 22 {
				t.Errorf("%d letters in second %d", n, s)
			}
		}
		j = b.rests(j.ID)
		if j.State != deadletter.Cancelled || j.Messages.Pending != 1000-len(f.times) || len(f.waiting()) != 1000-len(f.times) {
			t.Errorf("%+v", j)
		}
	})
}

// A dead letter more in a flow that can be reached from this one pauses the job.
func TestReplay_Watch(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		bills, mail, aside := b.flow("bills", "queue.mail"), b.flow("mail"), b.flow("aside")
		f.letters(numbered(50)...)
		fails := func(of *flow) func(*eip.Message) error {
			return func(*eip.Message) error {
				of.mu.Lock()
				defer of.mu.Unlock()
				of.failed++
				return nil
			}
		}
		f.do(fails(mail))
		j := b.rests(b.replay(orders, deadletter.Plan{}).ID)
		b.is(j, deadletter.Paused, "1 messages have failed in the flow mail", deadletter.Progress{Pending: 49, Passed: 1})
		if got := fmt.Sprint(j.Plan.Watch); got != "[bills mail]" {
			t.Errorf("it watches %s", got)
		}
		f.do(fails(aside))
		if _, err := b.jobs.Resume(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		b.is(b.rests(j.ID), deadletter.Done, "", deadletter.Progress{Passed: 50})
		_ = bills
	})
}

// A job that asks waits after its first step, and pauses, goes on and ends as it is told.
func TestReplay_Steered(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(100)...)
		j := b.rests(b.replay(orders, deadletter.Plan{Canary: []int{2, 3}, Rate: 10, Ask: true}).ID)
		b.is(j, deadletter.Waiting, "person", deadletter.Progress{Pending: 98, Passed: 2})
		if _, err := b.jobs.Resume(t.Context(), j.ID); err == nil {
			t.Error("what waits was resumed")
		}
		if _, err := b.jobs.Step(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // it soaks after its second step
		b.is(must(b.jobs.Get(t.Context(), j.ID)), deadletter.Running, "", deadletter.Progress{Pending: 95, Passed: 5})
		if _, err := b.jobs.Replay(t.Context(), orders, atOnce, "another"); err == nil || !strings.Contains(err.Error(), "being taken") {
			t.Errorf("a second job on the queue: %v", err)
		}
		b.is(must(b.jobs.Pause(t.Context(), j.ID, "me")), deadletter.Paused, "by me", deadletter.Progress{Pending: 95, Passed: 5})
		same(t, "it waits", f.waiting(), numbered(100)[5:])
		if _, err := b.jobs.Resume(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		b.is(b.rests(j.ID), deadletter.Done, "", deadletter.Progress{Passed: 100})
		if _, err := b.jobs.Cancel(t.Context(), j.ID, "me"); err == nil {
			t.Error("what is done was cancelled")
		}
		if list := must(b.jobs.List(t.Context())); len(list) != 1 || list[0].State != deadletter.Done {
			t.Errorf("%+v", list)
		}
		if _, err := b.jobs.Get(t.Context(), "77"); !errors.Is(err, deadletter.ErrNoJob) {
			t.Errorf("a job that there is not: %v", err)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What one flow's job passes over in a shared queue stays where it was.
func TestReplay_PassesOver(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		g := b.flow("others")
		g.queue = f.queue
		for i := range 10 {
			g.letters(fmt.Sprint("o", i))
			f.letters(fmt.Sprint(i))
		}
		j := b.rests(b.replay(deadletter.Selection{Flow: "orders", If: func(_ context.Context, m *eip.Message) (bool, error) {
			return strings.Contains("3 7", string(m.Body())), nil
		}}, atOnce).ID)
		b.is(j, deadletter.Done, "", deadletter.Progress{Passed: 2})
		same(t, "it came", f.bodies(), []string{"3", "7"})
		n := must(b.jobs.ReplayNow(t.Context(), "orders", false, 3))
		if n != (deadletter.Tally{Passed: 3, Skipped: 3}) {
			t.Errorf("%+v", n)
		}
		same(t, "it waits", f.waiting(), strings.Fields("o0 o1 o2 o3 o4 4 o5 5 o6 6 o7 o8 8 o9 9"))
	})
}

// What a process leaves when it dies, the next one finds paused, and replays again what
// was begun.
func TestReplay_Restarted(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(20)...)
		f.hangs = make(chan struct{})
		j := b.replay(orders, deadletter.Plan{Canary: []int{}, Rate: -1, UnderWay: 5})
		time.Sleep(time.Second)
		b.is(must(b.jobs.Get(t.Context(), j.ID)), deadletter.Running, "", deadletter.Progress{Pending: 15, Begun: 5})
		b.jobs.Close()
		b.start()
		list, err := b.jobs.List(context.Background())
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		b.is(list[0], deadletter.Paused, "process", deadletter.Progress{Pending: 15, Begun: 5})
		close(f.hangs)
		time.Sleep(time.Second)
		f.hangs = nil
		if _, err := b.jobs.Resume(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		j = b.rests(j.ID)
		b.is(j, deadletter.Done, "", deadletter.Progress{Passed: 20})
		if len(j.MaybeTwice) != 5 || len(f.came) != 25 {
			t.Errorf("%d came; maybe twice: %v", len(f.came), j.MaybeTwice)
		}
	})
}

// A job goes on in the step in which its process was killed.
func TestReplay_Killed(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		f.letters(numbered(20)...)
		j := b.replay(orders, deadletter.Plan{Canary: []int{1, 2}, Rate: 1, Soak: time.Second})
		time.Sleep(10 * time.Second)
		killed := b.jobs
		b.start()
		if list := must(b.jobs.List(t.Context())); len(list) != 1 || list[0].State != deadletter.Paused || list[0].Step != 3 {
			t.Errorf("%+v", list)
		}
		if _, err := killed.Cancel(t.Context(), j.ID, "me"); err != nil {
			t.Error(err)
		}
		killed.Close()
	})
}

// Equal letters pass once each. One that has passed, and comes again as the broker has not
// heard of it, is acknowledged and passes no more.
func TestReplay_EqualLetters(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		once, twin := f.dead(eip.New([]byte("once"), nil), "away"), f.dead(eip.New([]byte("twin"), nil), "away")
		for _, m := range []*eip.Message{once, twin, twin} {
			if err := f.send(m.Fork(nil)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		j := b.rests(b.replay(orders, deadletter.Plan{Canary: []int{2}, Ask: true}).ID)
		b.is(j, deadletter.Waiting, "", deadletter.Progress{Pending: 1, Passed: 2})
		if err := f.send(once.Fork(nil)); err != nil {
			t.Fatal(err)
		}
		f.letters("later")
		if _, err := b.jobs.Step(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		b.is(b.rests(j.ID), deadletter.Done, "", deadletter.Progress{Passed: 3})
		same(t, "it came", f.bodies(), []string{"once", "twin", "twin"})
	})
}

// A plan that cannot be is refused, and so is a job without letters, or of a flow that
// there is not, or that does not run.
func TestReplay_Refused(t *testing.T) {
	within(t, func(t *testing.T, b *bench, f *flow) {
		refused := func(s deadletter.Selection, p deadletter.Plan, why string) {
			t.Helper()
			if _, err := b.jobs.Replay(t.Context(), s, p, "me"); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("it says %v, and not %q", err, why)
			}
		}
		refused(orders, deadletter.Plan{}, "none of the letters")
		f.letters("1")
		for why, p := range map[string]deadletter.Plan{
			"steps of a canary": {Canary: []int{0}}, "10 steps": {Canary: []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, "soaks": {Soak: time.Hour}, "under way": {UnderWay: -1},
			"stops after": {StopAfter: -1}, "runs for": {Within: -1}, "no flow \"mail\"": {Watch: []string{"mail"}}, "the rate": {Rate: 1e9},
		} {
			refused(orders, p, why)
		}
		refused(deadletter.Selection{Flow: "order"}, deadletter.Plan{}, "no flow")
		f.idle = errors.New("it is stopped")
		refused(orders, deadletter.Plan{}, "it is stopped")
		f.idle, f.to = nil, []string{"queue.orders.dead"}
		refused(orders, deadletter.Plan{}, "come back for ever")
		f.to = nil
		b.is(b.rests(b.replay(orders, atOnce).ID), deadletter.Done, "", deadletter.Progress{Passed: 1})
	})
}
