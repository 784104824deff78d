package graph

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

var markdownBlock = regexp.MustCompile(`(?ms)^<!-- graph: ([^\n]*?) -->\n.*?^<!-- /graph -->$`)

// Fill puts a Mermaid block between each pair of markers in a Markdown text,
//
//	<!-- graph: FILES -->
//	<!-- /graph -->
//
// as draw makes one of what FILES names, which are fields apart from each other.
func Fill(text []byte, draw func(files []string) (string, error)) (filled []byte, found int, err error) {
	filled = markdownBlock.ReplaceAllFunc(text, func(block []byte) []byte {
		found++
		files := strings.Fields(string(markdownBlock.FindSubmatch(block)[1]))
		drawn, failed := draw(files)
		if failed != nil && err == nil {
			err = failed
		}
		first, _, _ := bytes.Cut(block, []byte("\n"))
		return fmt.Appendf(nil, "%s\n```mermaid\n%s```\n<!-- /graph -->", first, drawn)
	})
	return filled, found, err
}
