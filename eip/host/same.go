package host

import "slices"

// same returns the flows, by their names, that the others do not change. An adapter is
// one thing to all flows that use it: where one of them changes, all do.
func same(old, others []*flowRun) map[string]*flowRun {
	kept, print := map[string]*flowRun{}, map[string]string{}
	for _, r := range others {
		print[r.decl.Name] = r.config.Fingerprint(r.decl)
	}
	for _, r := range old {
		if print[r.decl.Name] == r.config.Fingerprint(r.decl) {
			kept[r.decl.Name] = r
		}
	}
	for changed := true; changed; {
		changed = false
		moved := map[string]bool{}
		for _, r := range slices.Concat(old, others) {
			if kept[r.decl.Name] == nil {
				for _, a := range r.adapters() {
					moved[a] = true
				}
			}
		}
		for name, r := range kept {
			if slices.ContainsFunc(r.adapters(), func(a string) bool { return moved[a] }) {
				delete(kept, name)
				changed = true
			}
		}
	}
	return kept
}

// adapters are the names of those that the flow uses.
func (r *flowRun) adapters() (all []string) {
	for _, of := range r.decl.Refs() {
		if of.Kind == "adapter" {
			all = append(all, of.Name)
		}
	}
	return all
}
