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
	for _, arg := range args {
		found, wrong := []string{arg}, hcl.Diagnostics(nil)
		if info, err := os.Stat(arg); err != nil {
			found, wrong = matching(arg)
		} else if info.IsDir() {
			found, wrong = within(arg)
		}
		diags = append(diags, wrong...)
		for _, name := range found {
			if key := filepath.Clean(name); !seen[key] {
				seen[key] = true
				files = append(files, name)
			}
		}
	}
	return files, diags
}

// within are the files in a folder.
func within(folder string) (files []string, diags hcl.Diagnostics) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, diag(folder, "Cannot read folder", "%s cannot be read: %s.", folder, pathless(err))
	}
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && (strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json")) {
			files = append(files, filepath.Join(folder, n))
		}
	}
	if files == nil {
		diags = diag(folder, "No flow files", "The folder %s holds no file that ends in .hcl or .hcl.json.", folder)
	}
	return files, diags
}

// matching are the files that a pattern finds.
func matching(pattern string) (files []string, diags hcl.Diagnostics) {
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		return nil, diag(pattern, "No such file", "%s is neither a file nor a folder, and as a pattern it matches nothing.", pattern)
	}
	for _, name := range all {
		switch {
		case !isFlowFile(name):
		case !below(pattern, name):
			diags = append(diags, diag(name, "Cannot read file", "%s is behind a symbolic link that leads out of the folder. Name the file itself.", name)...)
		default:
			files = append(files, name)
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
