package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/regular"
)

var (
	flowFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.hcl(\.json)?$`)
	folderName   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// Apply runs the flows of a file in the folder for it, or of the files of a folder in it.
// One that was applied before is read again: its flows make room for those that are in it
// now, once these are found well, but for those that have not changed. One that the
// process was started with is applied by [Host.Reload]. A dry run changes nothing.
func (h *Host) Apply(ctx context.Context, name string, dryRun bool) (did control.Applied, err error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return did, err
	}
	defer h.lifecycle.end()
	texts, err := h.flowFiles(name)
	if err != nil {
		return did, err
	}
	if h.names(texts) {
		return h.reload(ctx, dryRun)
	}
	c, diags := h.mainConfig().LoadBeside(texts)
	if diags.HasErrors() {
		return did, told(diags)
	}
	switch was := h.applied(name); {
	case was != nil:
		did, err = was.swap(ctx, c, dryRun)
	case dryRun:
		did, err = h.wouldStart(c)
	default:
		var u *Unit
		if u, err = h.start(ctx, name, c); err == nil {
			did = (&exchange{flows: u.flows, fresh: u.flows}).says()
		}
	}
	if err != nil {
		return did, fmt.Errorf("start %s: %w", name, err)
	}
	if !dryRun {
		h.log.Info("flow file applied", append([]any{slog.String("file", name)}, did.Attrs()...)...)
	}
	return did, nil
}

// names reports whether files are all among those that the process was started with.
func (h *Host) names(texts map[string][]byte) bool {
	for path := range texts {
		if !h.mainConfig().Names(path) {
			return false
		}
	}
	return true
}

// wouldStart says what a start of c would start.
func (h *Host) wouldStart(c *flow.Config) (did control.Applied, err error) {
	if err := h.clash(c, nil); err != nil {
		return did, err
	}
	picked, err := c.Pick()
	x := &exchange{}
	for _, f := range picked {
		x.fresh = append(x.fresh, &flowRun{decl: f})
	}
	x.flows = x.fresh
	return x.says(), err
}

// applied returns the Unit of a file that was applied; nil where it was not.
func (h *Host) applied(file string) *Unit {
	for _, u := range h.all() {
		if u.file == file {
			return u
		}
	}
	return nil
}

// Remove stops the flows of a file that was applied.
func (h *Host) Remove(ctx context.Context, file string) ([]string, error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return nil, err
	}
	defer h.lifecycle.end()
	u := h.applied(file)
	if file == "" || u == nil {
		var names []string
		for _, u := range h.all() {
			if u.file != "" {
				names = append(names, u.file)
			}
		}
		return nil, fmt.Errorf("%s was not applied%s", file, control.DidYouMean(file, names))
	}
	err := u.stop()
	h.forget()
	h.log.Info("flow file removed", slog.String("file", file))
	return u.FlowNames(), err
}

// flowFiles reads what may be applied, by its path: a file in the folder itself, or those
// of a folder in it, whatever a name says, and wherever a link there leads.
func (h *Host) flowFiles(name string) (map[string][]byte, error) {
	dir := h.options.FlowsDir
	if dir == "" {
		return nil, errors.New("this process has no folder of flows to apply; it is started with --flows-dir")
	}
	if !folderName.MatchString(name) || strings.Contains(name, "..") {
		return nil, fmt.Errorf("%q is no name of a flow file, like orders.hcl, or of a folder", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files := []string{name}
	if !flowFileName.MatchString(name) {
		if files, err = flowFilesIn(root, name); err != nil {
			return nil, err
		}
	}
	texts, total := map[string][]byte{}, 0
	for _, file := range files {
		text, err := readFlowFile(root, file)
		if err != nil {
			return nil, err
		}
		if total += len(text); total > flow.MaxTotal {
			return nil, fmt.Errorf("the flow files of %s have more than %d bytes together", name, flow.MaxTotal)
		}
		texts[filepath.Join(dir, file)] = text
	}
	return texts, nil
}

func flowFilesIn(root *os.Root, folder string) (files []string, err error) {
	entries, err := fs.ReadDir(root.FS(), folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no folder %s of flow files", folder)
	case err != nil:
		return nil, fmt.Errorf("%s is no folder of flow files: %w", folder, err)
	}
	for _, e := range entries {
		if !e.IsDir() && flowFileName.MatchString(e.Name()) {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	if files == nil {
		return nil, fmt.Errorf("the folder %s holds no file that ends in .hcl or .hcl.json", folder)
	}
	return files, nil
}

func readFlowFile(root *os.Root, file string) ([]byte, error) {
	f, err := regular.In(root, file, os.O_RDONLY, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no flow file %s", file)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	return regular.ReadAll(f, flow.MaxFile)
}

// told is what is wrong with files, in one line: where the first error is, and how many
// there are.
func told(diags hcl.Diagnostics) error {
	var first *hcl.Diagnostic
	more := ""
	for n, d := range slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError }) {
		if first == nil {
			first = d
		} else {
			more = fmt.Sprintf(" (and %d more)", n)
		}
	}
	if at := first.Subject; at != nil && at.Filename != "" {
		return fmt.Errorf("%s:%d:%d: %s: %s%s", at.Filename, at.Start.Line, at.Start.Column, first.Summary, first.Detail, more)
	}
	return fmt.Errorf("%s: %s%s", first.Summary, first.Detail, more)
}
