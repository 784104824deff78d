package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// patterns.json holds the beginnings of the pages in docs/patterns; make gen writes it.
//
//go:embed patterns.json
var patternsJSON []byte

var patterns = sync.OnceValue(func() map[string]patternPage {
	m := map[string]patternPage{}
	if err := json.Unmarshal(patternsJSON, &m); err != nil {
		panic("patterns.json: " + err.Error())
	}
	return m
})

func patternNames() []string { return slices.Sorted(maps.Keys(patterns())) }

type patternPage struct {
	About, Page string
	Stages      []string
	name        string
}

// pattern returns the one of a name, in upper or lower case.
func pattern(name string) (patternPage, bool) {
	for n, p := range patterns() {
		if strings.EqualFold(n, name) {
			p.name = n
			return p, true
		}
	}
	return patternPage{}, false
}

func (p patternPage) write(out io.Writer) error {
	also := ""
	if len(p.Stages) > 0 {
		also = ", and with eipd explain " + strings.Join(p.Stages, ", ")
	}
	_, err := fmt.Fprintf(out, "%s\n\n%s\n\nRead on in %s%s.\n", p.name, p.About, p.Page, also)
	return err
}
