package control

import (
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
)

// A settableTarget is what set is about: a stage, or a branch of one, whose
// attributes are those of the stage that begin with the branch's label.
type settableTarget struct {
	Stage
	prefix string // of a branch's attributes: its label and a dot
}

// settables returns the stages and branches that the target names; without a target, the
// process itself.
func (s *Server) settables(r *request) (found []settableTarget, err error) {
	if r.Target == "" {
		return []settableTarget{ownTarget(&s.publishing)}, nil
	}
	stages, err := find("stage", r.Target, Matches, s.stages(), func(st Stage) string { return st.Address })
	for _, st := range stages {
		found = append(found, settableTarget{Stage: st})
	}
	for _, st := range s.stages() {
		c, ok := st.Named.Stage.(eip.Counted)
		if !ok {
			continue
		}
		for _, label := range slices.Sorted(maps.Keys(c.Stats().Branches)) {
			if t := (settableTarget{st, label + "."}); Matches(r.Target, t.address()) {
				found = append(found, t)
			}
		}
	}
	if found == nil {
		return nil, err
	}
	return found, nil
}

func (t settableTarget) address() string { return strings.TrimSuffix(t.Address+"."+t.prefix, ".") }

// full returns values by the stage's names of the attributes.
func (t settableTarget) full(values map[string]any) map[string]any {
	all := map[string]any{}
	for name, v := range values {
		all[t.prefix+name] = v
	}
	return all
}

// own returns the target's attributes among those of its stage, by its own names.
func (t settableTarget) own(all map[string]any) map[string]any {
	own := map[string]any{}
	for name, v := range all {
		if short, mine := strings.CutPrefix(name, t.prefix); mine {
			own[short] = v
		}
	}
	return own
}
