package gendocs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// A source gives what belongs between two markers: of `<!-- options: flow -->` it
// is asked for "options" and "flow". page is the path from the module's folder,
// with slashes.
type source func(page, name, argument string) (string, error)

// Pages fills the markers in all Markdown files of the module at root, and returns
// the text of those that hold any, by path. commands is eipd.
func Pages(root string, commands *cobra.Command) (map[string][]byte, error) {
	commands.InitDefaultCompletionCmd()
	t := &tables{root, commands}
	pages := map[string][]byte{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		filled, err := fill(path, string(text), t.source)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if filled != "" {
			pages[path] = []byte(filled)
		}
		return nil
	})
	if err == nil {
		pages["docs/quick-start.svg"], err = picture(root, "flows")
	}
	return pages, err
}

var marker = regexp.MustCompile(`(?m)^<!-- (/?)([a-z]+)(?:: ([^>]*?))? -->$`)

// fill replaces what stands between each marker and its end; "" where there are
// none.
func fill(page, text string, source source) (string, error) {
	var out strings.Builder
	found, at, open := false, 0, ""
	for _, m := range marker.FindAllStringSubmatchIndex(text, -1) {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		name, end := group(2), group(1) != ""
		switch {
		case end && open != name:
			return "", fmt.Errorf("<!-- /%s --> ends nothing", name)
		case end:
			at, open = m[0], ""
			continue
		case open != "":
			return "", fmt.Errorf("<!-- %s --> begins before <!-- /%s -->", name, open)
		}
		content, err := source(page, name, group(3))
		if err != nil {
			return "", fmt.Errorf("<!-- %s -->: %w", name, err)
		}
		out.WriteString(text[at:m[1]] + "\n" + strings.TrimRight(content, "\n") + "\n")
		found, open = true, name
	}
	if open != "" {
		return "", fmt.Errorf("<!-- %s --> has no end", open)
	}
	if !found {
		return "", nil
	}
	return out.String() + text[at:], nil
}
