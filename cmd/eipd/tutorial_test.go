package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What pages show is what happens: a fenced block whose first line ends in a
// file's name is written to that file, and the commands after "$ " in a console
// block must print what stands below them, on standard output or, where pages show
// the log or errors, on standard error. "…" stands for anything within a line, and
// on a line of its own for any lines. An eipd run that ends in "&" goes on until the
// page's end.
func TestPages_Console(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "commands", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "docs", "tutorial.md")) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, b := range fenced(string(text)) {
				switch {
				case b.language == "console":
					for _, c := range b.commands() {
						if line, beside := strings.CutSuffix(c.command, " &"); beside {
							p := start(t, eipd(t, dir, strings.Fields(line)[1:]...))
							p.ready(t)
							defer p.interrupt(t)
							continue
						}
						c.run(t, dir)
					}
				case b.file != "":
					write(t, dir, b.file, b.text)
				}
			}
		})
	}
}

type fence struct{ language, file, text string }

func fenced(page string) (all []fence) {
	open := false
	for line := range strings.Lines(page) {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !open:
			language, file, _ := strings.Cut(info, " ")
			all = append(all, fence{language: language, file: file})
			open = true
		case isFence:
			open = false
		case open:
			all[len(all)-1].text += line
		}
	}
	return all
}

type shown struct{ command, output string }

func (b fence) commands() (all []shown) {
	for line := range strings.Lines(b.text) {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, shown{command: strings.TrimSpace(c)})
		} else if len(all) > 0 {
			all[len(all)-1].output += line
		}
	}
	return all
}

func (s shown) run(t *testing.T, dir string) {
	t.Helper()
	c := eipd(t, dir)
	self := c.Path
	c.Path, c.Args = "/bin/sh", []string{"sh", "-c", fmt.Sprintf("eipd() { %q \"$@\"; }\n%s", self, s.command)}
	stdout, stderr, _ := output(t, c)
	if want := s.pattern(); !want.MatchString(stdout) && !want.MatchString(stderr) {
		t.Errorf("$ %s\nprinted:\n%s\nand on standard error:\n%s\nwant:\n%s", s.command, stdout, stderr, s.output)
	}
}

func (s shown) pattern() *regexp.Regexp {
	p := regexp.QuoteMeta(s.output)
	p = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(p, `(?:.*\n)*`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(p, "…", `.*`) + `$`)
}
