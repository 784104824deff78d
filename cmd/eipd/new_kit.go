package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/eipd/eipd/docs"
	"github.com/eipd/eipd/examples"
)

// kit is a folder that runs: flow files, their tests, a sample of what goes in, and a
// README.md with the commands.
type kit struct {
	kind, name, about string
	example           string            // whose folder it is, if any
	files             map[string][]byte // by their paths, with slashes
}

// kits are those of the patterns, of the cookbook and of the examples that are no
// pattern's, each in the order of their names. A page without flows that have tests has
// none.
var kits = sync.OnceValue(func() (all []kit) {
	shown := map[string]bool{}
	for _, p := range patterns() {
		head := fmt.Sprintf("# %s\n\n%s\n", p.name, p.about)
		k := kit{}
		if m := folderExample.FindStringSubmatch(p.shown); m != nil {
			shown[m[1]] = true
			k = exampleKit(m[1], head, p.page)
		} else {
			k.files = pageFiles(p.page, head+"\n"+p.shown)
		}
		k.kind, k.name, k.about = "patterns", slug(p.name), lastSentence(p.about)
		all = append(all, k)
	}
	for _, page := range glob(docs.Pages, "cookbook/*.md") {
		page = "docs/" + page
		text, _, _ := strings.Cut(pageText(page), "\n## See also")
		title, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
		all = append(all, kit{kind: "cookbook", name: slug(path.Base(page)), about: title + ".", files: pageFiles(page, text)})
	}
	for _, file := range glob(examples.Files, "*/flow.hcl") {
		name := path.Dir(file)
		taken := slices.ContainsFunc(all, func(k kit) bool { return k.name == slug(name) })
		if !shown[name] && !taken {
			k := exampleKit(name, "# "+name+"\n", "examples/"+name)
			k.kind, k.name = "examples", slug(name)
			all = append(all, k)
		}
	}
	return slices.DeleteFunc(all, func(k kit) bool { return k.files == nil })
})

// folderExample is an example with a folder of its own.
var folderExample = regexp.MustCompile(`(?m)^<!-- example: examples/(\w+)/flow\.hcl -->$`)

// slug is a name as files and commands have it.
func slug(name string) string {
	return strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSuffix(name, ".md")))
}

func lastSentence(text string) string {
	if i := strings.LastIndex(strings.TrimSuffix(text, "."), ". "); i > 0 {
		return oneLine(text[i+2:])
	}
	return oneLine(text)
}

func glob(tree fs.FS, pattern string) []string {
	found, _ := fs.Glob(tree, pattern) // the pattern is good
	return found
}

func pageText(page string) string {
	text, _ := docs.Pages.ReadFile(strings.TrimPrefix(page, "docs/"))
	return string(text)
}

// exampleKit is an example's folder, but for programs in Go.
func exampleKit(name, head, page string) kit {
	files := map[string][]byte{}
	folder, _ := fs.Sub(examples.Files, name)
	_ = fs.WalkDir(folder, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(file) != ".go" {
			files[file], err = fs.ReadFile(folder, file)
		}
		return err
	})
	if files["flow_test.hcl"] == nil {
		return kit{}
	}
	e, _ := exampleOf(files["flow.hcl"])
	run := "eipd run --until-idle flow.hcl"
	if e.input != "" {
		sample := sampleName(e.input)
		files[sample] = []byte(e.input)
		run += " < " + sample
	}
	output := e.output
	switch {
	case e.requests != "":
		run, output = e.asked()
	case e.unordered:
		run += " | sort"
		sorted := slices.Sorted(strings.Lines(output))
		output = strings.Join(sorted, "")
	}
	about := oneLine(e.about)
	files["README.md"] = readme(head+"\n"+about+"\n\nTo run it:\n\n```console\n$ "+run+"\n"+output+"```\n", page)
	about, _, _ = strings.Cut(strings.TrimSuffix(about, "."), ". ")
	return kit{about: about + ".", example: name, files: files}
}

// asked are the commands that make an example's requests, and what they print.
func (e *example) asked() (run, output string) {
	answers := strings.Split(e.output, "\n")
	run = "eipd run flow.hcl &"
	for i, request := range strings.Split(strings.TrimSpace(e.requests), "\n") {
		method, rest, _ := strings.Cut(request, " ")
		at, body, given := strings.Cut(rest, " ")
		status, answer, _ := strings.Cut(answers[i], " ")
		data := ""
		if given {
			data = " -d '" + body + "'"
		}
		output += fmt.Sprintf("$ echo $(curl -s -w ' %%{http_code}' -X %s '127.0.0.1:8088%s'%s)\n%s\n", method, at, data, strings.TrimSpace(answer+" "+status))
	}
	return run, output
}

// sampleName is what an input is called: by its ending, JSON or text.
func sampleName(input string) string {
	for line := range strings.Lines(input) {
		if !json.Valid([]byte(line)) {
			return "input.txt"
		}
	}
	return "input.jsonl"
}

// pageFiles are those that a page shows, and its test; without one there are none. The
// page says how to run them.
func pageFiles(page, text string) map[string][]byte {
	files := map[string][]byte{}
	var rest strings.Builder
	for _, p := range parts(text) {
		switch {
		case p.language == prose:
			rest.WriteString(links.ReplaceAllString(marks.ReplaceAllString(p.text, ""), "$1"))
		case p.file != "" && files[p.file] == nil:
			files[p.file] = []byte(p.text)
			fmt.Fprintf(&rest, "It is in `%s`.\n", p.file)
		case p.language != "mermaid":
			fmt.Fprintf(&rest, "```%s\n%s```\n", strings.TrimSpace(p.language+" "+p.file), p.text)
		}
	}
	test, err := docs.Pages.ReadFile(strings.TrimSuffix(strings.TrimPrefix(page, "docs/"), ".md") + "_test.hcl")
	if err == nil {
		files["flow_test.hcl"] = test
	}
	for file := range files {
		if strings.HasSuffix(file, "_test.hcl") {
			files["README.md"] = readme(rest.String(), page)
			return files
		}
	}
	return nil
}

// A page's links lead nowhere from a folder elsewhere.
var (
	marks = regexp.MustCompile(`(?m)^<!-- .* -->\n`)
	links = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	blank = regexp.MustCompile(`\n{3,}`)
)

// readme finishes the text of a README.md.
func readme(text, page string) []byte {
	text = strings.TrimSpace(blank.ReplaceAllString(text, "\n\n"))
	return fmt.Appendf(nil, "%s\n\n`eipd test` runs the tests that lie beside the flows.\n\nRead on: https://github.com/eipd/eipd/tree/main/%s\n", text, page)
}
