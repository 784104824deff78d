package control

import (
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip/manage/deadletter"
)

// replay is the command of that name: it takes a flow's dead letters from their
// queue, and passes them through the flow once more.
func (s *Server) replay(r *request) (any, error) {
	most, invalid := r.whole("count"), r.flag("invalid")
	if err := s.lettersOf(r); err != nil {
		return nil, err
	}
	n, err := s.jobs.ReplayNow(r.ctx, r.Target, invalid, int(most))
	if err != nil {
		return nil, Errorf(Failed, "%d messages were passed through the flow: %v", n.Passed+n.FailedAgain, err)
	}
	return Replayed{int64(n.Passed), int64(n.FailedAgain), int64(n.Skipped)}, nil
}

// lettersOf checks that no argument is wrong, and that the target is a flow, whose dead
// letters are meant.
func (s *Server) lettersOf(r *request) error {
	switch {
	case r.wrong != nil:
		return r.wrong
	case r.Target == "":
		return Errorf(BadArgs, "%s needs the flow whose dead letters it is to take as its target", r.Command.Command)
	}
	_, err := find("flow", r.Target, same, s.Process.Flows(), Flow.Name)
	return err
}

// Replayed is the result of replay.
type Replayed struct {
	// Replayed is how many passed through the flow once more, and did not fail.
	Replayed int64 `json:"replayed"`
	// FailedAgain are dead letters again.
	FailedAgain int64 `json:"failed_again"`
	// Skipped stay where they are: they are another flow's, failed just now, have lost their
	// headers, or were made by a stage that is there no more.
	Skipped int64 `json:"skipped,omitempty"`
}

// newJobs makes the process' side of the dead-letter workbench.
func (s *Server) newJobs() *deadletter.Jobs {
	return deadletter.NewJobs(deadletter.JobOptions{
		Flows: func() []deadletter.Flow {
			flows := s.Process.Flows()
			all := make([]deadletter.Flow, len(flows))
			for i, f := range flows {
				all[i] = replayable{f}
			}
			return all
		},
		Store: s.Process.JobStore, Instance: s.Instance, Clock: s.Clock, Log: s.Log, Read: s.letter,
	})
}

// replayable is a Flow as the workbench knows it.
type replayable struct{ Flow }

func (f replayable) Ready() error {
	if f.State() != Running {
		return fmt.Errorf("the flow %s is %s; start it first", f.Name(), f.State())
	}
	return nil
}

func (f replayable) Makes(stage string) bool {
	return slices.ContainsFunc(f.Stages(), func(s Stage) bool { return s.Address == stage })
}
