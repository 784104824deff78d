package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/eipd/eipd/"

// layers are the packages from the bottom to the top. A package imports only those of
// lower layers and what is below itself, so that components know neither each other nor
// HCL, and the core knows none of them.
var layers = []layer{
	{"leaves", `eip/(header|stats|content|testmessage|internal/(footprint|live|settle|decimal|ackwindow|web|rarely|instant)|broker/stomp/internal/frame)|internal/(nearest|private|regular|secret|visible|systemd)|docs|examples`},
	{"core", `eip`},
	{"contracts", `eip/(adapter|broker|internal/(handclock|redelivery|wire|sequence))`},
	{"helpers", `eip/store|eip/jsonschema|eip/internal/(allow|program|replies|early|headervalue|inner)|eip/adapter/internal/stream|eip/broker/internal/(local|remote)|eip/manage/telemetry/internal/(exposition|otlp)|internal/requestor`},
	{"components", `eip/(routing|transform|endpoint|manage|manage/deadletter|adapter/(exec|file|http|stdio|timer)|broker/[a-z]+|store/[a-z]+)`},
	{"collections", `eip/adapter/all|eip/eiptest`},
	{"control bus", `eip/manage/control`},
	{"language", `eip/flow/(expression|schema|internal/setting|internal/syntax|expression/internal/document|graph/layout)`},
	{"flow files", `eip/flow|eip/manage/telemetry|internal/rabbit`},
	{"pictures", `eip/flow/graph`},
	{"host", `eip/host|internal/gendocs`},
	{"flow tests", `eip/flow/flowtest`},
	{"programs", `cmd/.*|examples/.*|internal/.*|eip/adapter/internal/adaptertest`},
}

type layer struct{ name, packages string }

func layerOf(t *testing.T, pkg string) int {
	for i, l := range layers {
		if regexp.MustCompile(`^(` + l.packages + `)$`).MatchString(pkg) {
			return i
		}
	}
	t.Errorf("%s is in no layer; add it to the table", pkg)
	return len(layers)
}

// onlyStandard are the layers that import nothing but the standard library and
// packages of this module.
const onlyStandard = 2

func TestDependencies(t *testing.T) {
	for pkg, imports := range imports(t) {
		layer := layerOf(t, pkg)
		for _, i := range imports {
			own, ok := strings.CutPrefix(i, module)
			switch {
			case !ok:
				if first, _, _ := strings.Cut(i, "/"); layer < onlyStandard && strings.Contains(first, ".") && !strings.HasPrefix(pkg, "internal/") {
					t.Errorf("%s imports %s, and may import only the standard library", pkg, i)
				}
			case strings.HasPrefix(own, pkg+"/internal/"): // its own
			case sameTree(pkg, own):
			case layerOf(t, own) >= layer:
				t.Errorf("%s (%s) imports %s (%s)", pkg, layers[layer].name, own, layers[layerOf(t, own)].name)
			}
		}
	}
}

// A Go program that puts flows together by itself has nothing of the language of flow
// files in it, also where it uses their expressions.
func TestLibrary_NeedsNoHCL(t *testing.T) {
	all := imports(t)
	visited := map[string]bool{}
	var visit func(pkg, by string)
	visit = func(pkg, by string) {
		if visited[pkg] {
			return
		}
		visited[pkg] = true
		for _, i := range all[pkg] {
			if strings.Contains(i, "/hashicorp/") || strings.Contains(i, "/zclconf/") {
				t.Errorf("%s imports %s, and %s needs it", pkg, i, by)
			}
			if own, ok := strings.CutPrefix(i, module); ok {
				visit(own, by)
			}
		}
	}
	for pkg := range all {
		if layerOf(t, pkg) < slices.IndexFunc(layers, func(l layer) bool { return l.name == "language" }) {
			visit(pkg, pkg)
		}
	}
	visit("eip/flow/expression", "eip/flow/expression")
	if len(visited) < 30 || !visited["eip/broker/amqp"] {
		t.Errorf("it has looked at %d packages only", len(visited))
	}
}

// sameTree reports whether both packages are parts of the language, or small tools of
// the module: these may import each other.
func sameTree(pkg, imported string) bool {
	return strings.HasPrefix(pkg, "eip/flow/") && strings.HasPrefix(imported, "eip/flow/") ||
		path.Dir(pkg) == "internal" && path.Dir(imported) == "internal"
}

// imports are those of all packages, but of their tests.
func imports(t *testing.T) map[string][]string {
	all := map[string][]string{}
	tree := os.DirFS("../..")
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bench" || d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(name)
		all[pkg] = append(all[pkg], nil...)
		for _, i := range file.Imports {
			at, _ := strconv.Unquote(i.Path.Value)
			all[pkg] = append(all[pkg], at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The core is what an author of stages, brokers and adapters must know.
func TestCore_SaysLittle(t *testing.T) {
	const most = 75
	var names []string
	files, err := fs.Glob(os.DirFS("../../eip"), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../../eip/"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			names = append(names, exported(d)...)
		}
	}
	if len(names) > most {
		t.Errorf("package eip exports %d identifiers, more than %d: %v", len(names), most, names)
	}
	t.Logf("package eip exports %d identifiers", len(names))
}

// exported are the names that a declaration exports, but for methods.
func exported(d ast.Decl) (names []string) {
	add := func(of ...*ast.Ident) {
		for _, n := range of {
			if n.IsExported() {
				names = append(names, n.Name)
			}
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				add(s.Name)
			case *ast.ValueSpec:
				add(s.Names...)
			}
		}
	}
	return names
}

// Files that the page on architecture names are there.
func TestArchitecture_NamesFiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		there[name], there[path.Base(name)] = true, true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:cmd|eip)/[a-z_/]+(?:\\.go)?|[a-z_/]+\\.go)`").FindAllSubmatch(page, -1)
	if len(names) < 30 {
		t.Errorf("the page names %d files and folders only", len(names))
	}
	for _, m := range names {
		if !there[strings.TrimSuffix(string(m[1]), "/")] {
			t.Errorf("there is no %s", m[1])
		}
	}
}
