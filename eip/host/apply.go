package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/regular"
)

var flowFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.hcl(\.json)?$`)

// Apply runs the flows of a file in the folder for it. A file that was applied
// before is read again: its flows make room for those that are in it now, once
// these are found well, but for those that have not changed.
func (h *Host) Apply(ctx context.Context, file string) ([]string, error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return nil, err
	}
	defer h.lifecycle.end()
	source, err := h.flowFile(file)
	if err != nil {
		return nil, err
	}
	c, diags := h.mainConfig().LoadBeside(filepath.Join(h.options.FlowsDir, file), source)
	if diags.HasErrors() {
		return nil, firstError(diags)
	}
	was := h.applied(file)
	if err := h.clash(c, was); err != nil { // nothing was begun
		return nil, err
	}
	if was != nil {
		err = was.swap(ctx, c)
	} else {
		_, err = h.start(ctx, file, c)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", file, err)
	}
	h.log.Info("flow file applied", slog.String("file", file), slog.Any("flows", c.FlowNames()))
	return c.FlowNames(), nil
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

// flowFile reads a file that may be applied: one in the folder itself, whatever its
// name says, and wherever a link there leads.
func (h *Host) flowFile(file string) ([]byte, error) {
	dir := h.options.FlowsDir
	if dir == "" {
		return nil, errors.New("this process has no folder of flows to apply; it is started with --flows-dir")
	}
	if !flowFileName.MatchString(file) || strings.Contains(file, "..") {
		return nil, fmt.Errorf("%q is no name of a flow file, like orders.hcl", file)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
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

// firstError is what is wrong with a file, in one line.
func firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		if d.Subject == nil {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
		return fmt.Errorf("%s:%d:%d: %s: %s", filepath.Base(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column, d.Summary, d.Detail)
	}
	return diags
}
