package deadletter

import (
	"context"
	"errors"
	"fmt"
)

// Resume has a paused job go on with what is left, in the step that it was in.
func (w *Jobs) Resume(ctx context.Context, id string) (Job, error) {
	return w.goOn(ctx, id, Paused)
}

// Step has a job that waits for a person go on with its next step.
func (w *Jobs) Step(ctx context.Context, id string) (Job, error) {
	return w.goOn(ctx, id, Waiting)
}

func (w *Jobs) goOn(ctx context.Context, id string, from State) (Job, error) {
	j, err := w.find(ctx, id)
	if err != nil {
		return Job{}, err
	}
	if now := j.view(); now.State != from {
		return now, fmt.Errorf("job %s is %s, and not %s", id, now.State, from)
	}
	r, err := w.prepare(ctx, j)
	if err != nil {
		return j.view(), err
	}
	if now := j.view(); now.State != from { // another was faster
		r.release()
		return now, fmt.Errorf("job %s is %s, and not %s", id, now.State, from)
	}
	if err := r.open(ctx); err != nil {
		r.release()
		return j.view(), err
	}
	return w.begin(r), nil
}

// Pause has a job stop, once what is under way has settled; it may go on later.
func (w *Jobs) Pause(ctx context.Context, id, by string) (Job, error) {
	return w.end(ctx, id, Paused, by)
}

// Cancel ends a job for good.
func (w *Jobs) Cancel(ctx context.Context, id, by string) (Job, error) {
	return w.end(ctx, id, Cancelled, by)
}

var errEnded = errors.New("it is over")

func (w *Jobs) end(ctx context.Context, id string, as State, by string) (Job, error) {
	j, err := w.find(ctx, id)
	if err != nil {
		return Job{}, err
	}
	j.mu.Lock()
	r, now := j.run, j.State
	if r == nil && !now.Ended() && as == Cancelled {
		j.State = as // nobody begins it any more
	}
	j.mu.Unlock()
	switch {
	case r != nil:
		r.halt(as, "by "+by)
		select {
		case <-r.ended:
		case <-ctx.Done():
			return j.view(), fmt.Errorf("job %s stops when what is under way has settled: %w", id, ctx.Err())
		}
	case now.Ended():
		return j.view(), fmt.Errorf("job %s: %w: %s", id, errEnded, now)
	case as == Cancelled:
		j.finish(as, "by "+by)
	}
	return j.view(), nil
}

// finish says how a job has ended, or stands.
func (j *job) finish(state State, why string) {
	l := j.of.ledger
	j.mu.Lock()
	j.State, j.Why, j.run = state, why, nil
	m := j.Messages
	if sum := m.Pending + m.Begun + m.Passed + m.FailedAgain + m.Gone + m.Unknown; sum != j.Total {
		j.of.Log.Error("a job does not add up", "job", j.ID, "sum", sum, "total", j.Total)
	}
	if state.Ended() {
		j.Job.Ended = j.of.Clock.Now().UTC()
		j.records = records{}
	}
	kept := j.Job
	j.tell()
	j.mu.Unlock()
	err := l.save(kept)
	if err == nil && state.Ended() {
		err = l.forget(kept.ID, false)
	}
	if err != nil {
		j.of.Log.Error("how a job stands was not kept", "job", kept.ID, "state", string(state), "error", err)
		return
	}
	j.of.Log.Info("replay of dead letters", "job", kept.ID, "flow", kept.Flow, "state", string(state), "why", why,
		"passed", m.Passed, "failed_again", m.FailedAgain, "total", kept.Total)
}
