package flowtest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// Find returns the test files among what is named: files, and folders with what is below
// them.
func Find(args []string) (files []string, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: there is no such file or folder", arg)
		case !info.IsDir() && !syntax.IsTest(arg):
			return nil, fmt.Errorf("%s is no file of tests: its name does not end in _test.hcl", arg)
		case !info.IsDir():
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(name string, d os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != arg && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			case !d.IsDir() && syntax.IsTest(name):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// An Invalid is why files of tests, or the flows under test, cannot be used.
type Invalid struct {
	Errors int
	write  []func(w io.Writer, color bool) error
}

func (i *Invalid) Error() string {
	if i.Errors == 1 {
		return "1 error in the test files"
	}
	return fmt.Sprintf("%d errors in the test files", i.Errors)
}

// Write says what is wrong, for people.
func (i *Invalid) Write(w io.Writer, color bool) error {
	for _, write := range i.write {
		if err := write(w, color); err != nil {
			return err
		}
	}
	return nil
}

// Load reads test files, and checks them against the flows under test. Its error is an
// *Invalid.
func Load(names []string) (files []*File, err error) {
	wrong := &Invalid{}
	configs := &configs{loaded: map[string]*flow.Config{}, wrong: wrong}
	for _, name := range names {
		r := flow.NewReader(eip.Clock{})
		f := &File{Name: name, tests: map[string]hcl.Range{}}
		if f.syntax = r.Read(name); f.syntax != nil {
			f.read(r)
		}
		for _, t := range f.Tests {
			t.checkAll(r, configs)
		}
		if problems := r.Problems(); len(problems) > 0 {
			for _, d := range problems {
				if d.Severity == hcl.DiagError {
					wrong.Errors++
				}
			}
			wrong.write = append(wrong.write, r.WriteProblems)
		}
		files = append(files, f)
	}
	if wrong.Errors > 0 {
		return nil, wrong
	}
	return files, nil
}

// configs are the flows under test, loaded once for all tests that want the same.
type configs struct {
	loaded map[string]*flow.Config
	wrong  *Invalid
}

// load loads the flows of a test, or says what is wrong with them, once; nil where
// something is.
func (c *configs) load(t *Test, r *flow.Reader) *flow.Config {
	o := t.options()
	key, err := json.Marshal([]any{o.Files, o.Variables, t.says.Env, t.says.Broker})
	if err != nil {
		key = []byte(t.File.Name + t.Name)
	}
	config, known := c.loaded[string(key)]
	if known {
		return config
	}
	loaded, diags := flow.Load(o)
	if diags.HasErrors() {
		c.wrong.Errors++
		for _, d := range diags {
			if d.Subject == nil { // it is about what the test gives, and no flow file says
				at := t.placeOf(r, "variables")
				d.Subject = &at
			}
		}
		c.wrong.write = append(c.wrong.write, func(w io.Writer, color bool) error { return loaded.WriteDiagnostics(w, diags, color) })
		c.loaded[string(key)] = nil
		return nil
	}
	inProcess(loaded, t.says.Broker)
	c.loaded[string(key)] = loaded
	return loaded
}
