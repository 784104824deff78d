package flowtest

import (
	"context"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// command gives a command of the control bus.
func (r *rig) command(one *task, b *commandBlock) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type answer struct {
		control.Reply
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		reply, err := r.host.Control().Do(ctx, control.Command{Command: one.label, Target: b.Target, Args: b.Args})
		answers <- answer{reply, err}
	}()
	settle()
	for until := r.clock.Now().Add(time.Hour); len(answers) == 0 && !r.over() && r.clock.next(until); { // it waits for what takes time
	}
	if len(answers) == 0 {
		r.fail(one, expectation, one.label+": the command was not answered within an hour")
		return
	}
	a := <-answers
	var failed *control.Error
	if failed = a.Reply.Error; a.err != nil {
		failed = control.Errorf(control.Failed, "%v", a.err)
	}
	switch {
	case b.Fails == "" && failed != nil:
		r.fail(one, expectation, fmt.Sprintf("%s: %v", one.label, failed))
	case b.Fails != "" && failed == nil:
		r.fail(one, expectation, fmt.Sprintf("%s: it was to fail with %s, and was carried out", one.label, b.Fails))
	case b.Fails != "" && string(failed.Code) != string(b.Fails):
		r.fail(one, expectation, fmt.Sprintf("%s: it was to fail with %s, and failed with %v", one.label, b.Fails, failed))
	}
	settle()
}
