package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
)

// Replay makes a job of the letters that are chosen and have failed before now, and
// begins it. What fails from now on is none of it. by says whose it is.
func (w *Jobs) Replay(ctx context.Context, s Selection, p Plan, by string) (Job, error) {
	if err := w.load(ctx); err != nil {
		return Job{}, err
	}
	if w.open() >= mostOpen {
		return Job{}, fmt.Errorf("%d jobs have not ended; cancel those that nobody needs", mostOpen)
	}
	f, err := w.flow(s.Flow)
	if err != nil {
		return Job{}, err
	}
	j := &job{of: w, changed: make(chan struct{}), Job: Job{Flow: s.Flow, State: Draft, By: by, Made: w.Clock.Now().UTC(), Invalid: s.Invalid, MaybeTwice: []string{}}}
	if j.Plan, err = w.complete(f, p); err != nil {
		return Job{}, err
	}
	j.Step, j.Steps = 1, len(j.Plan.Canary)+1
	r, err := w.prepare(ctx, j)
	if err != nil {
		return Job{}, err
	}
	if err := w.freeze(ctx, r, s); err != nil {
		r.release()
		return Job{}, err
	}
	if err := r.open(ctx); err != nil {
		r.release()
		return Job{}, errors.Join(err, w.ledger.forget(j.ID, true))
	}
	w.enter(j)
	return w.begin(r), nil
}

// open is how many jobs have not ended.
func (w *Jobs) open() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.all {
		if !j.view().State.Ended() {
			n++
		}
	}
	return n
}

// complete is a plan with its defaults for a flow.
func (w *Jobs) complete(f Flow, p Plan) (Plan, error) {
	p = p.withDefaults()
	if p.Watch == nil {
		p.Watch = w.downstream(f)
	}
	for _, name := range p.Watch {
		if _, err := w.flow(name); err != nil {
			return p, fmt.Errorf("watch: %w", err)
		}
	}
	return p, p.check()
}

// freeze writes down which letters are meant, before any of them is touched.
func (w *Jobs) freeze(ctx context.Context, r *run, s Selection) error {
	if slices.Contains(r.flow.To(), r.queue.Name) {
		return fmt.Errorf("the flow %s sends to %s itself: its letters would come back for ever", r.flow.Name(), r.queue)
	}
	if err := w.survey(ctx, r, s); err != nil {
		return err
	}
	j := r.job
	if j.Total = len(j.all); j.Total == 0 {
		return fmt.Errorf("none of the letters in %s is meant", r.queue)
	}
	j.Messages.Pending = j.Total
	var err error
	if j.ID, err = w.ledger.next(); err != nil {
		return err
	}
	if err := w.ledger.save(j.Job); err != nil {
		return err
	}
	return w.ledger.write(j.ID, j.all)
}

// survey looks for the letters that are meant.
func (w *Jobs) survey(ctx context.Context, r *run, s Selection) error {
	search := Search{Selection: s}
	ids, within, err := w.pick(ctx, r.queue, &search, r.barred)
	if err != nil {
		return err
	}
	r.Within = within
	if len(ids) == 0 && search.barred != nil {
		return fmt.Errorf("none of the letters in %s can be replayed: %w", r.queue, search.barred)
	}
	for _, id := range ids {
		r.add(record{id: id, alone: search.namer.alone(id)})
	}
	return nil
}

// each looks at all messages of a queue, where the broker can show them; else it takes
// all, and gives them back. most is after how many the broker shows no more; 0: it shows
// all.
func (q Queue) each(ctx context.Context, look func(*eip.Message) error) (most int, err error) {
	b, err := q.Browser()
	if err != nil {
		return 0, q.takeEach(ctx, look)
	}
	price, err := b.Price(ctx, q.Channel)
	if err != nil {
		return 0, err
	}
	n := 0
	for m, err := range b.Browse(ctx, q.Channel, broker.BrowseOptions{}) {
		n++
		if err == nil {
			err = look(m.Message)
		}
		if err != nil {
			return 0, err
		}
	}
	if n < price.Most {
		price.Most = 0
	}
	return price.Most, ctx.Err()
}

func (q Queue) takeEach(ctx context.Context, look func(*eip.Message) error) error {
	t, err := q.Take(ctx, 0)
	if err != nil {
		return err
	}
	var failed error
	_, err = t.Next(ctx, func(m *eip.Message) bool {
		if failed == nil {
			failed = look(m)
		}
		return false
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(failed, err, t.Close())
}

// barred says why m may not be replayed: it is a dead letter of another flow, or of after
// the job was made, it is not whole, the stage that made it is gone, or what was done
// before it failed was undone.
func (r *run) barred(m *eip.Message) error {
	if flow, name := m.Headers[header.Flow], r.flow.Name(); flow != name {
		return fmt.Errorf("it failed in %v, and not in the flow %s", flow, name)
	}
	if m.Headers[header.Undo] != nil {
		return errors.New("what was done before it failed was undone; export it, and send it anew")
	}
	if m.Headers[header.Stripped] != nil {
		return errors.New("its own headers are lost")
	}
	if after := m.Headers[header.After]; after != nil {
		stage, _ := after.(string)
		if !r.flow.Makes(stage) {
			return fmt.Errorf("the flow has no stage %q that makes messages, as it was made by", stage)
		}
	}
	if failed := at(m, header.Failed); failed.IsZero() || !failed.Before(r.Made) {
		return errors.New("it has failed once more since")
	}
	return nil
}

// enter adds a job to those that are known, and forgets the oldest that are over.
func (w *Jobs) enter(j *job) {
	w.mu.Lock()
	w.all = append(w.all, j)
	var over []*job
	for _, old := range w.all {
		if old != j && old.view().State.Ended() {
			over = append(over, old)
		}
	}
	over = over[:max(len(over)-mostEnded, 0)]
	w.all = slices.DeleteFunc(w.all, func(j *job) bool { return slices.Contains(over, j) })
	w.mu.Unlock()
	for _, old := range over {
		if err := w.ledger.forget(old.ID, true); err != nil {
			w.Log.Warn("a job that is over stays in the file", "job", old.ID, "error", err)
		}
	}
}

// A Tally is what became of letters that were replayed at once.
type Tally struct {
	Passed, FailedAgain int
	Skipped             int // they are not the flow's to replay, and stay where they are
}

// ReplayNow replays all letters of a flow, or so many, within ctx, as they come in their
// queue. Nothing is kept of it: who wants a plan, or to know later, makes a job.
func (w *Jobs) ReplayNow(ctx context.Context, flow string, invalid bool, most int) (Tally, error) {
	j := &job{of: w, changed: make(chan struct{}), Job: Job{Flow: flow, Made: w.Clock.Now(), Invalid: invalid, Step: 1,
		Plan: Plan{Canary: []int{}, Rate: -1, UnderWay: defaultUnderWay, StopAfter: 1 << 30, Within: 24 * time.Hour}}}
	r, err := w.prepare(ctx, j)
	if err != nil {
		return Tally{}, err
	}
	defer r.release()
	stop := context.AfterFunc(ctx, r.stop)
	defer stop()
	r.atOnce, r.most = true, most
	if err := r.open(ctx); err != nil {
		return Tally{}, err
	}
	state, why := r.replay()
	n := Tally{j.Messages.Passed, j.Messages.FailedAgain, r.taking.Skipped()}
	err = r.taking.Close()
	if state != Done {
		err = errors.Join(ctx.Err(), errors.New(why), err)
	}
	return n, err
}
