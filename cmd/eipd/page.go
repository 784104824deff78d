package main

import (
	"path"
	"regexp"
	"strings"
)

// part is a fenced block of a page, or what stands between two of them.
type part struct{ language, file, text string }

// prose is the language of what stands between fenced blocks.
const prose = "prose"

// wholeExample marks a file that is quoted from beginning to end.
var wholeExample = regexp.MustCompile(`(?m)^<!-- example: (\S+) -->$`)

// parts cuts a page. A block whose first line ends in a file's name is that file, and so
// is an example that is quoted whole.
func parts(page string) (all []part) {
	open, quoted := false, ""
	for line := range strings.Lines(page) {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !open:
			language, file, _ := strings.Cut(info, " ")
			if file == "" {
				file, quoted = quoted, ""
			}
			all = append(all, part{language: language, file: file})
			open = true
			continue
		case isFence:
			open = false
			continue
		case !open:
			if strings.HasPrefix(line, "<!-- ") {
				quoted = ""
				if m := wholeExample.FindStringSubmatch(line); m != nil {
					quoted = path.Base(m[1])
				}
			}
			if len(all) == 0 || all[len(all)-1].language != prose {
				all = append(all, part{language: prose})
			}
		}
		all[len(all)-1].text += line
	}
	return all
}
