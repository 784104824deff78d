package routing

import "cmp"

// Transitions calls way for each way by which a process goes from a state to the next, or
// stays in it: from "" for those that begin one.
func (p *ProcessManager) Transitions(way func(from, by, to string)) {
	for _, on := range p.On {
		on.way("", on.Label, way)
	}
	for _, s := range p.States {
		for _, on := range s.On {
			on.way(s.Label, on.Label, way)
		}
		for _, on := range s.OnReply {
			on.way(s.Label, "reply of "+on.Label, way)
		}
		for _, on := range s.OnTimeout {
			on.way(s.Label, "timeout of "+on.Label, way)
		}
		if s.Otherwise != nil {
			s.Otherwise.way(s.Label, "otherwise", way)
		}
		for _, after := range s.After {
			after.way(s.Label, "after "+after.Label, way)
		}
	}
}

func (a *ProcessAction) way(from, by string, way func(from, by, to string)) {
	if a.UndoTo != "" {
		by += ", undo"
	}
	way(from, by, cmp.Or(a.Goto, a.UndoTo, from))
}
