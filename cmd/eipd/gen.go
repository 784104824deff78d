//go:build gendocs

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/eipd/eipd/internal/gendocs"
)

// The pages show the comments that the first run writes, and the second has in it.
//
//go:generate go run -tags gendocs . prose
//go:generate go run -tags gendocs . pages

// With this tag the program writes what documentation takes from the code, and ends.
func init() {
	generate := gendocs.Pages
	switch os.Args[1] {
	case "prose":
		generate = gendocs.Prose
	case "man":
		generate = gendocs.Man
	}
	const root = "../.."
	files, err := generate(root, newRoot())
	for name, text := range files {
		if err == nil {
			if err = os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err == nil {
				err = os.WriteFile(filepath.Join(root, name), text, 0o644)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
