package routing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/routing"
)

// change has the flow start again, with another plan.
func (o *office) change(set func(*routing.ProcessManager)) {
	o.Helper()
	o.shut()
	plan := o.plan
	o.plan = func(o *office) *routing.ProcessManager {
		p := plan(o)
		set(p)
		return p
	}
	o.open()
}

// A request whose state the flow no longer has is not waited for any more.
func TestProcessManager_TimeoutOfAStateThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(_ *office, p *routing.ProcessManager) {
			p.On[0].Request[0].Timeout = time.Minute
			p.States[0].OnTimeout = []*routing.ProcessTimeout{{Label: "payment", ProcessAction: routing.ProcessAction{Goto: "cancelled"}}}
		})
		o.come("a placed")
		o.change(func(p *routing.ProcessManager) { p.States[0].Label, p.On[0].Goto = "asked", "asked" })
		time.Sleep(time.Hour)
		all, _, err := o.stage.Groups("a", 1)
		if err != nil || len(all) != 1 || all[0].State != "paying" || !all[0].ClosesAt.After(time.Now()) || o.stage.Busy() {
			t.Errorf("processes %+v, busy %v: %v", all, o.stage.Busy(), err)
		}
		o.shut()
	})
}
