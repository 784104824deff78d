package main

import (
	"fmt"

	"github.com/eipd/eipd/eip/manage/control"
)

// applied prints what became of flows, or would: those that go on as they were are only
// counted.
func (v *viewer) applied(replies []control.Reply) error {
	g := v.grid("INSTANCE", "FLOW", "NOW")
	for _, r := range replies {
		var did control.Applied
		if err := r.Read(&did); err != nil {
			return err
		}
		would := ""
		if did.DryRun {
			would = "would be "
		}
		for _, of := range []struct {
			what  string
			style style
			flows []string
		}{{"changed", yellow, did.Changed}, {"new", green, did.New}, {"gone", red, did.Gone}} {
			for _, name := range of.flows {
				g.add(cell{text: r.Instance}, cell{text: name}, cell{text: would + of.what, style: of.style})
			}
		}
		if n := len(did.Same); n > 0 {
			g.add(cell{text: r.Instance}, cell{text: count(n, "flow")}, cell{text: would + "the same", style: faint})
		}
	}
	if len(g.rows) == 1 {
		_, err := fmt.Fprintln(v.out, "no flows")
		return err
	}
	return g.print(v.out)
}
