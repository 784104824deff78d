package routing

import "strings"

// Transitions calls way for each way by which a process goes from a state to the next, or
// stays in it: from "" for those that begin one.
func (p *ProcessManager) Transitions(way func(from, by, to string)) {
	for b := range p.blocks() {
		switch {
		case strings.HasPrefix(b.option, "final "):
		case b.UndoTo != "":
			way(b.state, b.name+", undo", b.leads())
		default:
			way(b.state, b.name, b.leads())
		}
	}
}
