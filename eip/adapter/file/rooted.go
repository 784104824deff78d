package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
)

// rooted is a folder below which each message names its file.
type rooted struct {
	path   eip.Text
	root   *os.Root
	prefix string // of absolute paths: the root
}

// perMessage reports whether path is an expression.
func (a *Adapter) perMessage() bool {
	source := strings.TrimSpace(a.Path.Source)
	return a.Format == adapter.Whole || a.Root != "" || source == "" || isQuote(source[0])
}

func isQuote(b byte) bool { return strings.IndexByte("'\"`", b) >= 0 }

// Destination gives the file that a message is written to, which is within the folder.
func (a *Adapter) Destination() (eip.Text, error) {
	if a.perMessage() {
		text, err := a.pathText()
		r := &rooted{path: text, prefix: absolute(a.rootFolder())}
		return func(ctx context.Context, m *eip.Message) (string, error) {
			path, _, err := r.name(ctx, m)
			return path, err
		}, err
	}
	return func(context.Context, *eip.Message) (string, error) { return a.Path.Source, nil }, nil
}

// pathText compiles the expression for a message's file.
func (a *Adapter) pathText() (eip.Text, error) {
	if a.Path.Text == nil {
		return nil, eip.OptionErrorf("path", `with format = "whole", with root, or where it begins with a quote, it must be an expression, or a function`)
	}
	return a.Path.Text()
}

func (a *Adapter) openRooted() (*rooted, error) {
	path, err := a.pathText()
	if err != nil {
		return nil, err
	}
	folder := a.rootFolder()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &rooted{path, root, absolute(folder)}, nil
}

// rootFolder is what no message can make the sink write outside of. What the
// author wrote in front of all that a message adds is the author's will.
func (a *Adapter) rootFolder() string {
	if a.Root != "" {
		return a.Root
	}
	source := strings.TrimSpace(a.Path.Source)
	if source == "" || !isQuote(source[0]) {
		return "."
	}
	literal, _, closed := strings.Cut(source[1:], source[:1])
	if !closed || !filepath.IsAbs(literal) || strings.Contains(literal, `\`) {
		return "."
	}
	return literal[:strings.LastIndexByte(literal, '/')+1]
}

// name returns what m's file is called: as the expression gives it, and below the
// root.
func (r *rooted) name(ctx context.Context, m *eip.Message) (path, name string, err error) {
	if path, err = r.path(ctx, m); err != nil {
		return "", "", err
	}
	if name, err = r.inside(path); err != nil {
		err = eip.Invalid(fmt.Errorf("write file %.200q: %w", path, err))
	}
	return path, name, err
}

// inside returns the name below the root.
func (r *rooted) inside(path string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("it has no name")
	case strings.ContainsRune(path, 0):
		return "", errors.New("it has a NUL byte")
	case strings.HasSuffix(path, "/"):
		return "", errors.New("it names a folder")
	}
	for element := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if element == ".." {
			return "", errors.New("it goes up by `..`")
		}
	}
	name := filepath.Clean(path)
	if filepath.IsAbs(name) {
		below, ok := strings.CutPrefix(name, strings.TrimSuffix(r.prefix, "/")+"/")
		if !ok {
			return "", fmt.Errorf("it is outside of %s; set root where that is wanted", r.prefix)
		}
		name = below
	}
	if name == "." || !filepath.IsLocal(name) {
		return "", errors.New("it names no file")
	}
	return name, nil
}
