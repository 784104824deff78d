package control_test

import (
	"fmt"
	"testing"
)

// An adapter beside a queue gives each message once: what was taken ahead when the
// flow stopped is there when it starts.
func TestStopStart_OfMergedSources(t *testing.T) {
	p, in, out := run(t, `
queue "q" {}
flow "both" {
  from = [adapter.in, queue.q]
  to   = adapter.out
}
`)
	end := in.stream(func(n int) string { return fmt.Sprint(n) })
	for i := range 50 {
		do[any](t, p.client, "inject", "queue.q", args{"body": fmt.Sprint("q", i)})
		do[any](t, p.client, "stop", "both", nil)
		do[any](t, p.client, "start", "both", nil)
	}
	fed := end()
	out.await(t, fed+50)
	seen := map[string]int{}
	for _, m := range out.messages() {
		seen[string(m.Body())]++
	}
	if len(seen) != fed+50 || out.count() != fed+50 {
		t.Errorf("%d messages were fed; %d came, and %d of them were different", fed+50, out.count(), len(seen))
	}
}
