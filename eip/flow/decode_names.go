package flow

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage/control"
)

// missing reports what is required and not there; then it returns false.
func (d *decoder) missing(s *schema.Block, b *syntax.Block, set map[string]*syntax.Attribute, inner []*syntax.Block, at place) (complete bool) {
	complete = true
	for _, a := range s.Attributes {
		if a.Required && set[a.Name] == nil && !misspelt(a.Name, s, set) {
			complete = d.fail(problem(b.Range(), "Missing option", "The %s needs %q (%s).%s", at.what, a.Name, kindWords(a), d.prose(a.Field)))
		}
	}
	for _, n := range s.Blocks {
		have := 0
		for _, block := range inner {
			if block.Type == n.Name {
				have++
			}
		}
		if n.Required && have == 0 {
			complete = d.fail(problem(b.Range(), "Missing block", "The %s needs a block %q.%s", at.what, n.Name, d.prose(n.Field)))
		}
	}
	return complete
}

// misspelt reports whether something that does not exist was set, and may be meant
// to be this option: one error is enough.
func misspelt(name string, s *schema.Block, set map[string]*syntax.Attribute) bool {
	for other := range set {
		if other == "to" && s.Body != nil {
			continue
		}
		if s.Attribute(other) == nil && levenshtein.Distance(other, name, nil) <= min(2, len(name)-1) {
			return true
		}
	}
	return false
}

// prose is what an option is for, to say when it is missing.
func (d *decoder) prose(f schema.Field) string {
	if p := f.Prose(); p != "" {
		return " " + p
	}
	return ""
}

// elsewhere says where a block belongs that stands in the wrong place, or else
// which one of names is meant.
func elsewhere(name string, names []string) string {
	if _, ok := topLevel[name]; ok {
		return " It stands outside of all others."
	}
	if _, ok := adapter.Registry.New(name); ok {
		return fmt.Sprintf(" An adapter stands outside of flows, adapter %q \"NAME\" { … }, and is named where messages come from or go to: adapter.NAME.", name)
	}
	if name == "retry" {
		return " It stands in the flow itself."
	}
	return didYouMean(name, names, "%s")
}

// missing are patterns that are no stages yet.
var missing = []string{"claim_check", "message_store"}

// stageMeant says which stage is meant by what may be a pattern's name, or the end of
// one, like router.
func stageMeant(name string, names []string) string {
	for _, n := range names {
		if strings.HasSuffix(n, "_"+name) {
			return fmt.Sprintf(" Did you mean %s?", n)
		}
	}
	for _, n := range names {
		stage, _ := eip.Stages.New(n)
		pattern := strings.ToLower(strings.NewReplacer(" ", "_", "-", "_").Replace(control.PatternOf(n, stage)))
		if n != "discard" && (pattern == name || strings.HasSuffix(pattern, "_"+name)) {
			return fmt.Sprintf(" Did you mean %s?", n)
		}
	}
	for _, m := range missing {
		if strings.HasPrefix(name, m[:len(m)-2]) || len(name) > 4 && strings.HasPrefix(m, name) || strings.HasSuffix(m, "_"+name) {
			return fmt.Sprintf(" There is no %s yet.%s", m, didYouMean("", names, "%s"))
		}
	}
	return elsewhere(name, names)
}

// unknown reports an option or block that does not exist here; it returns false.
func (d *decoder) unknown(s *schema.Block, name string, r hcl.Range, at place, block bool) bool {
	var attributes, blocks []string
	for _, a := range s.Attributes {
		attributes = append(attributes, a.Name)
	}
	for _, n := range s.Blocks {
		blocks = append(blocks, n.Name)
	}
	if s.Body != nil {
		blocks = append(blocks, eip.Stages.Names()...)
		if !s.Body.Through {
			attributes = append(attributes, "to")
		}
	}
	if block {
		for _, a := range attributes {
			if a == name {
				return d.fail(problem(r, "Option expected", "%q is an option of the %s and no block. Write %s = ….", name, at.what, name))
			}
		}
		if s.Body != nil {
			return d.fail(problem(r, "Unknown stage", "The %s can hold no block %q.%s", at.what, name, stageMeant(name, blocks)))
		}
		return d.fail(problem(r, "Unknown block", "The %s can hold no block %q.%s", at.what, name, elsewhere(name, blocks)))
	}
	for _, n := range blocks {
		if n == name {
			return d.fail(problem(r, "Block expected", "%q is a block. Write it without the equals sign: %s { … }.", name, name))
		}
	}
	return d.fail(problem(r, "Unknown option", "The %s has no option %q.%s", at.what, name, didYouMean(name, attributes, "%s")))
}

// label checks a block's one label.
func (d *decoder) label(b *syntax.Block, what string, required bool) bool {
	switch {
	case len(b.Labels) == 0 && required:
		return d.fail(problem(b.TypeRange, "Missing label", "A %s needs a name: %s \"NAME\" { … }.", what, b.Type))
	case len(b.Labels) > 1:
		return d.fail(problem(b.Labels[1].Range, "Too many labels", "A %s has one name at most.", what))
	case len(b.Labels) == 1 && !validLabel(b.Labels[0].Name):
		return d.fail(problem(b.Labels[0].Range, "Invalid name", "%q is no name. A name consists of letters, digits, _ and -.", b.Labels[0].Name))
	}
	return true
}
