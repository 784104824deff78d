package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/eipd/eipd/docs"
	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

// patternPage is the page of one of the book's patterns.
type patternPage struct {
	name, page  string // page is from the module's folder
	about       string // how it begins, without marks
	shown, rest string // the section that shows the pattern, and all from there on
}

// patterns are those of the book, in the order of their names.
var patterns = sync.OnceValue(func() (all []patternPage) {
	for _, file := range glob(docs.Pages, "patterns/*.md") {
		p := patternPage{page: "docs/" + file}
		text := ""
		p.name, text, _ = strings.Cut(strings.TrimPrefix(pageText(p.page), "# "), "\n")
		p.about, p.rest, _ = strings.Cut(text, "\n## In a flow\n")
		p.about = strings.ReplaceAll(strings.TrimSpace(links.ReplaceAllString(p.about, "$1")), "`", "")
		p.shown, _, _ = strings.Cut(p.rest, "\n## ")
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b patternPage) int { return strings.Compare(a.name, b.name) })
	return all
})

func patternNames() (names []string) {
	for _, p := range patterns() {
		names = append(names, p.name)
	}
	return names
}

// write prints how a page begins, and the stages that are the pattern, or else those that
// it is shown with.
func (p patternPage) write(out io.Writer) error {
	stages := stagesIn(p.rest)
	is := slices.DeleteFunc(slices.Clone(stages), func(kind string) bool {
		stage, _ := eip.Stages.New(kind)
		return !strings.EqualFold(control.PatternOf(kind, stage), p.name)
	})
	if stages = is; len(is) == 0 {
		stages = stagesIn(p.shown)
	}
	also := ""
	if len(stages) > 0 {
		also = ", and with eipd explain " + strings.Join(stages, ", ")
	}
	_, err := fmt.Fprintf(out, "%s\n\n%s\n\nRead on in %s%s.\n", p.name, p.about, p.page, also)
	return err
}

var stageLink = regexp.MustCompile(`\]\(\.\./stages/(\w+)\.md`)

// stagesIn are those that a text links to, each once.
func stagesIn(text string) (names []string) {
	for _, m := range stageLink.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}
