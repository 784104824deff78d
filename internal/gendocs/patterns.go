package gendocs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

// pattern is what eipd explain says of one of the book's patterns.
type pattern struct {
	About  string   `json:"about"`            // the beginning of its page, a paragraph a line
	Page   string   `json:"page"`             // from the module's folder
	Stages []string `json:"stages,omitempty"` // those that are it, or else those that its page shows it with
}

var (
	stageLink = regexp.MustCompile(`\]\(\.\./stages/(\w+)\.md`)
	anyLink   = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
)

// patterns returns the beginnings of the pages in docs/patterns as JSON, by the
// patterns' names.
func patterns(root string) ([]byte, error) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "patterns", "*.md"))
	if err != nil {
		return nil, err
	}
	all := map[string]pattern{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		title, rest, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		about, rest, _ := strings.Cut(rest, "\n## ")
		shown, _, _ := strings.Cut(rest, "\n## ")
		p := pattern{Page: "docs/patterns/" + filepath.Base(page)}
		p.Stages = stages(rest, func(kind string) bool {
			stage, _ := eip.Stages.New(kind)
			return strings.EqualFold(control.PatternOf(kind, stage), title)
		})
		if p.Stages == nil {
			p.Stages = stages(shown, func(string) bool { return true })
		}
		p.About = strings.ReplaceAll(strings.TrimSpace(anyLink.ReplaceAllString(about, "$1")), "`", "")
		all[title] = p
	}
	out, err := json.MarshalIndent(all, "", "\t")
	return append(out, '\n'), err
}

// stages are those that a text links to, each once.
func stages(text string, wanted func(string) bool) (names []string) {
	for _, m := range stageLink.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) && wanted(m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}
