package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/eipd/eipd/eip"
)

// A run is a job while it runs. What is not guarded by the job's lock is its own
// goroutine's.
type run struct {
	*job
	flow    Flow
	queue   Queue
	release func() // gives up the claim
	taking  *Taking
	pace    pace
	watched map[string]int64 // how many messages of each flow had failed

	atOnce bool // nothing is kept of the job, which has no records
	most   int  // letters that are then begun; 0: all

	ctx   context.Context // ends when it is to stop
	stop  context.CancelFunc
	ended chan struct{} // closed when it has

	wake     chan struct{} // told when a letter has settled
	halted   sync.Once
	end      State // how it is to end; guarded, as are those below
	why      string
	began    int // letters of this step
	failed   int // of them
	underWay int
}

// prepare finds what a job needs, and claims its queue.
func (w *Jobs) prepare(ctx context.Context, j *job) (*run, error) {
	f, err := w.flow(j.Flow)
	if err != nil {
		return nil, err
	}
	if err := f.Ready(); err != nil {
		return nil, err
	}
	q, err := f.DeadLetters(ctx, j.Invalid)
	if err != nil {
		return nil, err
	}
	j.Queue = q.String()
	who := "a replay of " + j.Flow
	if j.ID != "" {
		who = "job " + j.ID
	}
	q, release, err := w.Claim(ctx, q, who)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	near := w.near[q.place()]
	w.mu.Unlock()
	if near { // to look once more would be one more delivery
		release()
		return nil, ErrNear
	}
	r := &run{job: j, flow: f, queue: q, release: release, pace: pace{clock: w.Clock, rate: j.Plan.Rate}, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	r.ctx, r.stop = context.WithCancel(w.ctx)
	return r, nil
}

// open begins to read the queue.
func (r *run) open(ctx context.Context) (err error) {
	r.taking, err = r.queue.Take(ctx, r.Plan.UnderWay)
	return err
}

// begin has a run go on by itself, and returns the job as it is then.
func (w *Jobs) begin(r *run) Job {
	j := r.job
	j.mu.Lock()
	j.State, j.Why, j.run = Running, "", r
	j.tell()
	j.mu.Unlock()
	now := j.view()
	w.busy.Go(func() {
		defer close(r.ended)
		state, why := Paused, ""
		if err := w.ledger.save(now); err != nil {
			why = err.Error()
		} else {
			state, why = r.replay()
		}
		if err := r.taking.Close(); err != nil {
			w.Log.Warn("the queue of dead letters was not closed well", "job", j.ID, "error", err)
		}
		r.release() // who sees that it has ended may begin another
		j.finish(state, why)
	})
	return now
}

// halt has the run end in a state. The first who says so counts.
func (r *run) halt(end State, why string) {
	r.halted.Do(func() {
		r.mu.Lock()
		r.end, r.why = end, why
		r.mu.Unlock()
		r.stop()
	})
}

// replay replays letters until there are none, or it is halted, and returns how the job
// stands then.
func (r *run) replay() (State, string) {
	defer r.stop()
	over := r.of.Clock.AfterFunc(r.Plan.Within, func() { r.halt(Paused, fmt.Sprintf("it has run for %v", r.Plan.Within)) })
	defer over.Stop()
	r.watch()
	err := r.letters()
	r.settle(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.underWay > 0: // the process does not wait for them
		return Paused, stopped
	case r.end != "":
		return r.end, r.why
	case errors.Is(err, ErrNear):
		r.of.mu.Lock()
		r.of.near[r.queue.place()] = true
		r.of.mu.Unlock()
		return Paused, err.Error()
	case err != nil && r.ctx.Err() != nil:
		return Paused, stopped
	case err != nil:
		return Paused, err.Error()
	}
	return Done, ""
}

const stopped = "the process stopped"

// quiet is how often a queue must be found empty until what is not in it is gone: a broker
// may give back late what a process had that was killed.
const quiet = 4

func (r *run) letters() error {
	for found := 0; r.left() && found < quiet; {
		if done, err := r.between(); err != nil {
			return err
		} else if done {
			continue
		}
		m, at, err := r.next()
		switch {
		case err == nil:
			found = 0
			if err := r.replayOne(m, at); err != nil {
				return err
			}
		case !errors.Is(err, io.EOF):
			return err
		case r.settle(0): // what was under way may have come back
			found = 0
		case r.atOnce:
			return nil
		default:
			found++
		}
	}
	r.settle(0)
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.missing()
}

// left reports whether anything may be left to do.
func (r *run) left() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.atOnce {
		return r.most == 0 || r.began < r.most
	}
	return r.Messages.Pending > 0 || r.Messages.Begun > r.underWay
}

// next takes the next letter that is meant. What the broker only has not heard of is
// acknowledged.
func (r *run) next() (*eip.Message, int, error) {
	for {
		at, is := -1, foreign
		m, err := r.taking.Next(r.ctx, func(m *eip.Message) bool {
			at, is = r.look(m)
			return is != foreign
		})
		if err != nil {
			return nil, 0, err
		}
		for is == busy { // its connection was lost, perhaps: how it ends, this one does
			r.settle(r.busyBut())
			if at, is = r.look(m); r.ctx.Err() != nil {
				return nil, 0, r.ctx.Err()
			}
		}
		switch is {
		case chosen:
			return m, at, nil
		case settled:
			m.Settle(nil)
		}
	}
}

func (r *run) busyBut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.underWay-1, 0)
}

// look says what a message of the queue is to the job.
func (r *run) look(m *eip.Message) (int, find) {
	switch {
	case r.atOnce && r.barred(m) == nil:
		return -1, chosen
	case r.atOnce:
		return -1, foreign
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(id(m))
}

// settle waits until so many letters are under way at most, and reports whether there
// were more.
func (r *run) settle(most int) (waited bool) {
	for {
		r.mu.Lock()
		n := r.underWay
		r.mu.Unlock()
		if n <= most {
			return waited
		}
		waited = true
		select {
		case <-r.wake:
		case <-r.of.ctx.Done():
			return false
		}
	}
}

// missing says what became of letters that are not in the queue.
func (r *run) missing() error {
	for at := range r.all {
		r.mu.Lock()
		e := r.all[at]
		is := gone
		switch {
		case e.is == begun:
			is = unknown
			list(&r.Unknown, e.id, mostListed)
		case e.is != pending:
			r.mu.Unlock()
			continue
		}
		r.set(at, is)
		e = r.all[at]
		r.mu.Unlock()
		if err := r.of.ledger.commit(note(r.ID, at, e, Failure{})); err != nil {
			return err
		}
	}
	return nil
}
