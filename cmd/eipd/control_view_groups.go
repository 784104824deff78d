package main

import (
	"fmt"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// groups prints what stages remember.
func (v *viewer) groups(replies []control.Reply) error {
	g, note := v.grid("INSTANCE", "KEY", "NEXT", "MESSAGES", "BYTES", "SINCE", "UNTIL"), ""
	processes := v.grid("INSTANCE", "KEY", "STATE", "EVENTS", "BYTES", "SINCE", "UNTIL")
	for _, r := range replies {
		var all control.Groups
		if err := r.Read(&all); err != nil {
			return err
		}
		for _, one := range all.Groups {
			key := one.Key
			if one.Test {
				key += " (test)"
			}
			if one.About != "" {
				key += ": " + one.About
			}
			if one.State != "" {
				g = processes
				g.add(cell{text: r.Instance}, cell{text: key}, cell{text: one.State}, number(fmt.Sprint(one.Version)), number(fmt.Sprint(one.Bytes)), cell{text: clockOr(one.Since)}, cell{text: clockOr(one.ClosesAt)})
				continue
			}
			g.add(cell{text: r.Instance}, cell{text: key}, number(nextOr(one.Next)), number(unlessZero(int64(one.Count))), number(unlessZero(one.Bytes)), cell{text: clockOr(one.Since)}, cell{text: clockOr(one.ClosesAt)})
		}
		if all.More {
			note = "There are more; limit=1000 shows more of them, and key=KEY a certain one."
		}
	}
	if err := g.print(v.out); err != nil || note == "" {
		return err
	}
	_, err := fmt.Fprintln(v.out, note)
	return err
}

// unlessZero, nextOr and clockOr show what there is not as a dash.
func unlessZero(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func nextOr(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func clockOr(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return clockTime(t)
}
