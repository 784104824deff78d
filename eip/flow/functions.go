package flow

import (
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/eipd/eipd/internal/regular"
)

func (d *decoder) functions() map[string]function.Function {
	return d.budget.Functions(map[string]function.Function{"env": d.envFunction(), "file": d.fileFunction()})
}

func (d *decoder) envFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, fmt.Errorf("env takes a name and at most one default")
			}
			name := args[0].AsString()
			if v := d.config.lookupEnv(name); v != nil {
				return d.private(*v), nil
			}
			if len(args) == 2 {
				return args[1], nil
			}
			d.lacking = append(d.lacking, name)
			return cty.NilVal, fmt.Errorf("the environment variable %s is not set; set it, or give a default: env(%q, \"…\")", name, name)
		},
	})
}

// maxFile is how many bytes file() reads.
const maxFile = 1 << 20

// readFile is the path of what file() has read.
type readFile string

// fileFunction reads what lies beside the file that says it.
func (d *decoder) fileFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(d.file), path)
			}
			d.budget.Spend(0, 2*maxFile)
			text, err := once(d.settings, readFile(path), func() (string, error) {
				b, err := regular.ReadFile(path, maxFile)
				return string(b), err
			})
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "cannot read it: %v", err)
			}
			if !utf8.ValidString(text) {
				return cty.NilVal, function.NewArgErrorf(0, "%s is not UTF-8 text", path)
			}
			return d.private(text), nil
		},
	})
}
