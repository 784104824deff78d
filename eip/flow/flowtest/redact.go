package flowtest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
)

// redacts returns the paths that the flow files redact, as path writes them.
func (r *rig) redacts() (paths []string) {
	block, _ := r.places.config.ControlBus()
	for _, p := range block.Redact {
		paths = append(paths, plainPath(p))
	}
	return paths
}

var (
	index    = regexp.MustCompile(`\[\d+\]`)
	quoted   = regexp.MustCompile(`\["([^"]*)"\]`)
	spelling = strings.NewReplacer("_", "", "-", "")
)

// plainPath is a path without the numbers of elements, in one spelling.
func plainPath(path string) string {
	return strings.ToLower(spelling.Replace(quoted.ReplaceAllString(index.ReplaceAllString(path, ""), ".$1")))
}

// hide takes out of what is said of a message what the flow files redact. Where they redact
// anything, nothing is said that shows a body as a whole.
func (r *rig) hide(lines []string) []string {
	redacted := r.redacts()
	if redacted == nil {
		return lines
	}
	for i, line := range lines {
		path, _, _ := strings.Cut(line, ": ")
		name := plainPath(path)
		inside := strings.HasPrefix(name, "body.") || strings.HasPrefix(name, "headers.")
		part := slices.ContainsFunc(redacted, func(r string) bool {
			return name == r || strings.HasPrefix(name, r+".") || strings.HasPrefix(r, name+".")
		})
		whole := slices.Contains([]string{"body", "has", "text", "matches", "if"}, name) || strings.HasPrefix(name, "golden") || strings.HasPrefix(name, "unchanged") || strings.HasPrefix(name, "body line") || strings.HasPrefix(name, "text line")
		if inside && part || whole {
			lines[i] = path + ": it is not as expected; control_bus redacts what it is"
		}
	}
	return slices.Compact(lines)
}

// bodyOf is a message's body for people.
func (r *rig) bodyOf(m *eip.Message) string {
	if r.redacts() != nil {
		return "not shown, as control_bus redacts messages"
	}
	return clip(string(m.Body()))
}
