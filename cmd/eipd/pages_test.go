package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/keeper"
	"github.com/eipd/eipd/internal/rabbit"
)

// What pages show is what happens: a fenced block whose first line ends in a file's
// name, and an example that is quoted whole, is written to that file; the commands
// after "$ " in a console block must print what stands below them, on standard output
// or, where pages show the log or errors, on standard error. "…" stands for anything
// within a line, and on a line of its own for any lines. An export goes for all that
// follows. A command that ends in "&" goes on until the page's end, or until a kill of
// it, by %1 for the first. After a sleep, the next command is tried until it prints what
// it must: how long something takes is no concern of the tests. The page of an example finds its files. RabbitMQ's vhosts and the ports on 127.0.0.1 that a page
// names are others than those of any other page.
func TestPages_Console(t *testing.T) {
	pages := []string{filepath.Join(root, "docs", "tutorial.md"), filepath.Join(root, "docs", "troubleshooting.md")}
	for _, folder := range []string{"commands", "cookbook", "patterns"} {
		more, err := filepath.Glob(filepath.Join(root, "docs", folder, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(pages, examples...) {
		name := filepath.Base(filepath.Dir(file)) + "_" + strings.TrimSuffix(filepath.Base(file), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &page{T: t, dir: t.TempDir(), vhosts: "page_" + name + "_"}
			if slices.Contains(examples, file) { // it speaks of its own files
				if err := os.CopyFS(p.dir, os.DirFS(filepath.Dir(file))); err != nil {
					t.Fatal(err)
				}
			}
			for _, b := range p.read(file) {
				if b.language == "console" {
					for _, c := range b.commands() {
						p.run(c)
					}
				} else if b.file != "" {
					write(t, p.dir, b.file, b.text)
				}
			}
			for i := range p.beside {
				p.kill(i)
			}
		})
	}
}

// page is a page whose commands are carried out.
type page struct {
	*testing.T
	dir, vhosts string
	env         []string
	slept       bool       // what comes next may take longer here
	beside      []*process // what was started with &; nil: it has ended
}

const rabbitURL = "amqp://guest:guest@localhost:5672/"

// read returns the blocks of a page, with places of the test's own in it.
func (p *page) read(file string) []part {
	p.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		p.Fatal(err)
	}
	for _, tool := range []string{"curl", "python3"} {
		if strings.Contains(string(text), "\n$ "+tool+" ") {
			rabbit.Require(p.T, "/usr/bin/"+tool)
		}
	}
	var blocks []part
	vhosts, swap := map[string]bool{}, map[string]string{}
	local, places := regexp.MustCompile(`127\.0\.0\.1:(\d+)`), []string{rabbitURL + `\w*`}
	for _, m := range local.FindAllStringSubmatch(string(text), -1) {
		if swap[m[1]] == "" {
			swap[m[1]] = keeper.FreePort(p.T)
			places = append(places, `\b`+m[1]+`\b`)
		}
	}
	place := regexp.MustCompile(strings.Join(places, "|"))
	for _, b := range fenced(string(text)) {
		if b.language == "console" || b.file != "" {
			blocks = append(blocks, b)
			for _, found := range place.FindAllString(b.text, -1) {
				if vhost, ok := strings.CutPrefix(found, rabbitURL); ok {
					vhosts[p.vhosts+vhost] = true
				}
			}
		}
	}
	if len(vhosts) > 0 {
		for vhost, url := range rabbit.Shared(p.T).Vhosts(p.T, slices.Collect(maps.Keys(vhosts))...) {
			swap[rabbitURL+strings.TrimPrefix(vhost, p.vhosts)] = url
		}
	}
	for i := range blocks {
		blocks[i].text = place.ReplaceAllStringFunc(blocks[i].text, func(found string) string { return swap[found] })
	}
	return blocks
}

// shell is a command of a page in a shell that knows eipd.
func (p *page) shell(prefix, command string) *exec.Cmd {
	c := eipd(p.T, p.dir)
	c.Env = append(c.Env, p.env...)
	self := c.Path
	c.Path = "/bin/sh"
	if rest, ok := strings.CutPrefix(command, "eipd "); ok && prefix != "" {
		command = fmt.Sprintf("%q %s", self, rest)
	}
	c.Args = []string{"sh", "-c", fmt.Sprintf("eipd() { %q \"$@\"; }\n%s%s", self, prefix, command)}
	return c
}

func (p *page) run(s shown) {
	p.Helper()
	if set, ok := strings.CutPrefix(s.command, "export "); ok {
		p.env = append(p.env, set)
		return
	}
	if n, ok := strings.CutPrefix(s.command, "kill %"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 1 || i > len(p.beside) {
			p.Fatalf("$ %s\nthere is none", s.command)
		}
		p.kill(i - 1)
		return
	}
	if line, ok := strings.CutSuffix(s.command, " &"); ok {
		b := start(p.T, p.shell("exec ", line))
		p.beside = append(p.beside, b)
		if strings.HasPrefix(line, "eipd ") {
			b.ready(p.T)
		}
		return
	}
	if strings.HasPrefix(s.command, "sleep ") {
		p.slept = true
		return
	}
	want := s.pattern()
	var stdout, stderr string
	printed := func() bool {
		stdout, stderr, _ = output(p.T, p.shell("", s.command))
		return want.MatchString(stdout) || want.MatchString(stderr)
	}
	for end := time.Now().Add(time.Minute); !printed(); {
		if !p.slept || time.Now().After(end) {
			p.Errorf("$ %s\nprinted:\n%s\nand on standard error:\n%s\nwant:\n%s", s.command, stdout, stderr, s.output)
			break
		}
	}
	p.slept = false
}

func (p *page) kill(i int) {
	p.Helper()
	if b := p.beside[i]; b != nil {
		p.beside[i] = nil
		b.interrupt(p.T)
	}
}

type shown struct{ command, output string }

func (b part) commands() (all []shown) {
	for line := range strings.Lines(b.text) {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, shown{command: strings.TrimSpace(c)})
		} else if len(all) > 0 {
			all[len(all)-1].output += line
		}
	}
	return all
}

func (s shown) pattern() *regexp.Regexp {
	p := regexp.QuoteMeta(s.output)
	p = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(p, `(?:.*\n)*`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(p, "…", `.*`) + `$`)
}

// fenced returns the fenced blocks of a page.
func fenced(page string) []part {
	return slices.DeleteFunc(parts(page), func(p part) bool { return p.language == prose })
}
