package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/nearest"
)

// planArgs are the arguments of job that say how one goes on.
var planArgs = []string{"canary", "soak", "ask", "rate", "under_way", "stop_after", "watch", "within"}

// job is the command of that name: it makes a job that replays dead letters, or has one
// pause, go on or end.
func (s *Server) job(r *request) (any, error) {
	action := r.text("action")
	if r.wrong != nil {
		return nil, r.wrong
	}
	by := r.who()
	steer := map[string]func(context.Context, string) (deadletter.Job, error){
		"pause":  func(ctx context.Context, id string) (deadletter.Job, error) { return s.jobs.Pause(ctx, id, by) },
		"cancel": func(ctx context.Context, id string) (deadletter.Job, error) { return s.jobs.Cancel(ctx, id, by) },
		"resume": s.jobs.Resume, "step": s.jobs.Step,
	}
	if action == "create" {
		return s.createJob(r, by)
	}
	do, ok := steer[action]
	if !ok {
		names := []string{"create", "pause", "resume", "step", "cancel"}
		return nil, Errorf(BadArgs, "\"action\" is one of %s%s", strings.Join(names, ", "), nearest.Hint(action, names))
	}
	for _, name := range slices.Concat(lettersArgs, planArgs) {
		if r.Args[name] != nil {
			return nil, Errorf(BadArgs, "%q is of create", name)
		}
	}
	return jobFound(do(r.ctx, r.Target))
}

// jobFound gives an error about a job its code.
func jobFound(j deadletter.Job, err error) (any, error) {
	if errors.Is(err, deadletter.ErrNoJob) {
		return nil, Errorf(UnknownTarget, "%v; jobs lists those that there are", err)
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

func (s *Server) createJob(r *request, by string) (any, error) {
	chosen, plan := s.selection(r), r.plan()
	if err := s.lettersOf(r); err != nil {
		return nil, err
	}
	return jobFound(s.jobs.Replay(r.ctx, chosen, plan, by))
}

// plan reads the arguments that say how a job goes on.
func (r *request) plan() (p deadletter.Plan) {
	p.Ask = r.flag("ask")
	for _, text := range r.names("canary") {
		n, err := strconv.Atoi(text)
		if err != nil {
			r.refuse("\"canary\" is a list of whole numbers like 1,10,100, or none")
		}
		p.Canary = append(p.Canary, n)
	}
	if r.Args["canary"] != nil && p.Canary == nil {
		p.Canary = []int{}
	}
	if p.Watch = r.names("watch"); r.Args["watch"] != nil && p.Watch == nil {
		p.Watch = []string{}
	}
	switch text := digits(r.Args["rate"]); text {
	case "":
	case "none":
		p.Rate = -1
	default:
		var ok bool
		if p.Rate, ok = finite(strings.TrimSuffix(text, "/s")); !ok || p.Rate <= 0 {
			r.refuse("\"rate\" is how many in a second, like 20/s, or none")
		}
	}
	if soak := r.Args["soak"]; soak == "0s" || soak == "none" {
		p.Soak = -1
	} else {
		p.Soak = r.duration("soak", s24h)
	}
	p.UnderWay, p.StopAfter = int(min(r.whole("under_way"), 1<<30)), int(min(r.whole("stop_after"), 1<<30))
	p.Within = r.duration("within", 365*s24h)
	return p
}

const s24h = 24 * time.Hour

// names reads an argument that is a list, a text with commas, or a number; of none, and
// where it is absent, it is nil.
func (r *request) names(name string) (all []string) {
	text, ok := r.Args[name].(string)
	switch {
	case !ok:
		return r.list(name)
	case text == "none":
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		all = append(all, strings.TrimSpace(part))
	}
	return all
}

// Jobs is the result of jobs without a target that is a job.
type Jobs struct {
	Jobs []deadletter.Job `json:"jobs"` // the newest first
}

// listJobs is the command jobs: it shows the jobs of the process, those of a flow, or one
// as it goes on.
func (s *Server) listJobs(r *request) (any, error) {
	follow, lasts := r.flag("follow"), cmp.Or(r.duration("for", s.Timeout), min(defaultTapFor, s.Timeout))
	if r.wrong != nil {
		return nil, r.wrong
	}
	if _, err := strconv.Atoi(r.Target); r.Target == "" || err != nil {
		return s.jobsOf(r)
	}
	if follow {
		ctx, cancel := s.Clock.WithTimeout(r.ctx, lasts)
		defer cancel()
		err := s.jobs.Follow(ctx, r.Target, func(j deadletter.Job) bool { return s.stream(r, j) })
		if err != nil {
			return jobFound(deadletter.Job{}, err)
		}
	}
	return jobFound(s.jobs.Get(r.ctx, r.Target))
}

func (s *Server) jobsOf(r *request) (any, error) {
	if r.Target != "" {
		if err := s.lettersOf(r); err != nil {
			return nil, err
		}
	}
	all, err := s.jobs.List(r.ctx)
	all = slices.DeleteFunc(all, func(j deadletter.Job) bool { return r.Target != "" && j.Flow != r.Target })
	return Jobs{all}, err
}
