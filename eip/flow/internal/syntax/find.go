package syntax

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// IsTest reports whether a file of this name has tests of flows, and no flows.
func IsTest(name string) bool {
	return strings.HasSuffix(name, "_test.hcl") || strings.HasSuffix(name, "_test.hcl.json")
}

// Find expands what a command line names: files, globs and folders, in which it
// takes every .hcl and .hcl.json. The same file named twice counts once. Files of tests are
// left out, also where a shell's pattern has named them; they alone are an error.
func Find(args []string) (files []string, diags hcl.Diagnostics) {
	all, diags := FindAll(args)
	for _, name := range all {
		if !IsTest(name) {
			files = append(files, name)
		}
	}
	if len(files) == 0 && len(all) > 0 && !diags.HasErrors() {
		diags = append(diags, diag(all[0], "Tests of flows", "%s has tests and no flows. Run them by eipd test %[1]s.", all[0])...)
	}
	return files, diags
}

// FindAll is Find with the files of tests.
func FindAll(args []string) (files []string, diags hcl.Diagnostics) {
	seen := map[string]bool{}
	add := func(name string) {
		if key := filepath.Clean(name); !seen[key] {
			seen[key] = true
			files = append(files, name)
		}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			found := 0
			entries, err := os.ReadDir(arg)
			if err != nil {
				diags = append(diags, diag(arg, "Cannot read folder", "%s cannot be read: %s.", arg, pathless(err))...)
				continue
			}
			for _, e := range entries {
				if n := e.Name(); !e.IsDir() && (strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json")) {
					found++
					add(filepath.Join(arg, n))
				}
			}
			if found == 0 {
				diags = append(diags, diag(arg, "No flow files", "The folder %s holds no file that ends in .hcl or .hcl.json.", arg)...)
			}
		case err == nil:
			add(arg)
		default:
			matches, globErr := filepath.Glob(arg)
			if globErr != nil || len(matches) == 0 {
				diags = append(diags, diag(arg, "No such file", "%s is neither a file nor a folder, and as a pattern it matches nothing.", arg)...)
			}
			for _, m := range matches {
				switch {
				case !isFlowFile(m):
				case !below(arg, m):
					diags = append(diags, diag(m, "Cannot read file", "%s is behind a symbolic link that leads out of the folder. Name the file itself.", m)...)
				default:
					add(m)
				}
			}
		}
	}
	return files, diags
}

// below reports whether what a pattern found is below its folder: the one before the
// first wildcard.
func below(pattern, found string) bool {
	folder := pattern
	for strings.ContainsAny(folder, "*?[\\") {
		folder = filepath.Dir(folder)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return false
	}
	defer root.Close()
	name, err := filepath.Rel(folder, filepath.Dir(found))
	if err == nil {
		_, err = root.Stat(name)
	}
	return err == nil
}
