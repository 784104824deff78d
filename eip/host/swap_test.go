package host_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/stats"
)

// gate is a stage that holds messages back until it is opened.
type gate struct{}

var gateOpen chan struct{}

func init() { eip.Stages.Add("gate", func() eip.Stage { return &gate{} }) }

func (*gate) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	select {
	case <-gateOpen:
		return next.Handle(ctx, m)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// swapping are two flows; more stands in the second one.
func swapping(more string) string {
	return fmt.Sprintf(`
		queue "a" {}
		queue "b" {}
		queue "c" {}
		flow "holds" {
		  from = queue.a
		  gate {}
		  to = queue.b
		}
		flow "changes" {
		  from = queue.c
		  %s
		  discard {}
		}`, more)
}

func statsOf(t *testing.T, h *host.Host, flow string) stats.Counts {
	t.Helper()
	for _, s := range h.Stats() {
		if s.Flow == flow {
			return s.Counts
		}
	}
	t.Fatalf("there is no flow %s", flow)
	return stats.Counts{}
}

// What is the same in both goes on with what it has in flight; what cannot be started
// leaves what there was.
func TestUnit_Swap(t *testing.T) {
	gateOpen = make(chan struct{})
	h := host.New(host.Options{Grace: time.Minute})
	u, err := h.Start(t.Context(), load(t, swapping("")))
	if err != nil {
		t.Fatal(err)
	}
	inject(t, h, "queue.a")
	for deadline := time.Now().Add(time.Minute); statsOf(t, h, "holds").InFlight == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no message came")
		}
	}
	inject(t, h, "queue.c")
	idle := func() {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); statsOf(t, h, "changes").Dropped == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing was dropped")
			}
		}
	}
	idle()
	if err := u.Swap(t.Context(), load(t, swapping("unopenable {}"))); err == nil || !strings.Contains(err.Error(), "no key; its flows run as they were") {
		t.Errorf("what cannot be opened gives %v", err)
	}
	if s := statsOf(t, h, "holds"); s.InFlight != 1 || s.Received != 1 {
		t.Errorf("after a swap that failed it has %+v", s)
	}
	if err := u.Swap(t.Context(), load(t, swapping(`filter { if = "false" }`)+"\nflow \"new\" {\n from = queue.b\n discard {}\n}")); err != nil {
		t.Fatal(err)
	}
	if s := statsOf(t, h, "holds"); s.InFlight != 1 || s.Received != 1 {
		t.Errorf("after the swap it has %+v", s)
	}
	if s := statsOf(t, h, "changes"); s.Received != 0 {
		t.Errorf("the flow that is another has %+v", s)
	}
	close(gateOpen)
	inject(t, h, "queue.c")
	if err := h.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	if s := statsOf(t, h, "new"); s.Received != 1 {
		t.Errorf("what comes after has %+v", s)
	}
	if got := fmt.Sprint(u.FlowNames()); got != "[holds changes new]" {
		t.Errorf("it runs %s", got)
	}
	if err := u.Swap(t.Context(), load(t, swapping(""))); err != nil {
		t.Error(err)
	}
	if n := len(h.Stats()); n != 2 {
		t.Errorf("%d flows are left", n)
	}
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
	if err := u.Swap(t.Context(), load(t, swapping(""))); err == nil {
		t.Error("what has ended is swapped")
	}
}
