package gendocs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pattern is what eipd explain says of one of the book's patterns.
type pattern struct {
	About  string   `json:"about"`            // the beginning of its page, a paragraph a line
	Page   string   `json:"page"`             // from the module's folder
	Stages []string `json:"stages,omitempty"` // those that its page names where it shows and judges them
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
		title, rest, _ := strings.Cut(string(text), "\n")
		about, rest, _ := strings.Cut(rest, "\n## ")
		shown, _, _ := strings.Cut(rest, "\n## In Go")
		p := pattern{Page: "docs/patterns/" + filepath.Base(page)}
		for _, m := range stageLink.FindAllStringSubmatch(about+shown, -1) {
			if !slices.Contains(p.Stages, m[1]) {
				p.Stages = append(p.Stages, m[1])
			}
		}
		p.About = strings.ReplaceAll(strings.TrimSpace(anyLink.ReplaceAllString(about, "$1")), "`", "")
		all[strings.TrimPrefix(title, "# ")] = p
	}
	out, err := json.MarshalIndent(all, "", "\t")
	return append(out, '\n'), err
}
