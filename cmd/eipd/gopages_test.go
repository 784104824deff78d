package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What pages show in Go is Go: each block is checked against the packages as they are.
// A block may leave out what it speaks of: names that it does not declare are anything.
// What it names of a package, and the fields and methods of it, must be there.
func TestPages_Go(t *testing.T) {
	var pages []string
	for _, folder := range []string{"stages", "adapters", "brokers", "patterns"} {
		more, err := filepath.Glob(filepath.Join(root, "docs", folder, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./cmd/eipd", "./eip/...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports, byName := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[pkg] = file
		if !strings.Contains(pkg, "/") || pkg == "os/signal" || strings.HasPrefix(pkg, "github.com/eipd/eipd/eip") {
			byName[path.Base(pkg)] = pkg
		}
	}
	byName["memory"] = "github.com/eipd/eipd/eip/store/memory"
	files := token.NewFileSet()
	packages := importer.ForCompiler(files, "gc", func(pkg string) (io.ReadCloser, error) { return os.Open(exports[pkg]) })
	checked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range fenced(string(text)) {
			if b.language != "go" || strings.Contains(b.text, "\nfunc main()") {
				continue
			}
			checked++
			if err := checkGo(files, packages, byName, b.text); err != nil {
				t.Errorf("%s shows Go that does not compile: %v\n%s", page, err, b.text)
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d blocks of Go were found", checked)
	}
}

var (
	goPackage  = regexp.MustCompile(`\b([a-z]\w*)\.[A-Z]`)
	goElision  = regexp.MustCompile(`(?m)^\s*…$`)
	goTopLevel = regexp.MustCompile(`(?m)^(func|type) `)
	goAnything = regexp.MustCompile(`^undefined: \w+$`)
)

func checkGo(files *token.FileSet, packages types.Importer, byName map[string]string, text string) error {
	text = goElision.ReplaceAllString(text, "")
	src := "package page\n"
	for _, m := range goPackage.FindAllStringSubmatch(text, -1) {
		line := fmt.Sprintf("import %q\n", byName[m[1]])
		if byName[m[1]] != "" && !strings.Contains(src, line) {
			src += line
		}
	}
	if goTopLevel.MatchString(text) {
		src += text
	} else {
		src += "import \"context\"\nvar ctx context.Context\nvar err error\nfunc _() {\n" + text + "\n}\n"
		src = strings.Replace(src, "import \"context\"\n", "", strings.Count(src, "import \"context\"\n")-1)
	}
	file, err := parser.ParseFile(files, "page.go", src, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var first error
	config := types.Config{Importer: packages, Error: func(err error) {
		var e types.Error
		if errors.As(err, &e) && !e.Soft && !goAnything.MatchString(e.Msg) && first == nil {
			first = errors.New(e.Msg)
		}
	}}
	config.Check("page", files, []*ast.File{file}, nil)
	return first
}
