package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/nearest"
)

// Apply runs the flows of a file in the folder for it, or of the files of a folder in it.
// One that was applied before is read again: its flows make room for those that are in it
// now, once these are found well, but for those that have not changed. One that the
// process was started with is applied by [Host.Reload]. What is applied is applied again
// when the process starts anew: see Options.FlowsDir.
func (h *Host) Apply(ctx context.Context, name string, o control.ApplyOptions) (did control.Applied, err error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return did, err
	}
	defer h.lifecycle.end()
	did, err = h.apply(ctx, name, o, nil)
	if err == nil && !o.DryRun {
		h.log.Info("flow file applied", append([]any{slog.String("file", name)}, did.Attrs()...)...)
		h.remember()
	}
	return did, err
}

// apply is Apply by who holds the lifecycle lock, without flows that are others' by now.
func (h *Host) apply(ctx context.Context, name string, o control.ApplyOptions, without []string) (did control.Applied, err error) {
	texts, err := h.flowFiles(name)
	if err != nil {
		return did, err
	}
	s := swapping{dryRun: o.DryRun, replace: o.Replace, without: without}
	if h.names(texts) {
		if len(o.Vars) > 0 {
			return did, control.Errorf(control.BadArgs, "the process was started with %s, and has its variables from there; vars are for other files", name)
		}
		return h.reload(ctx, s)
	}
	c, diags := h.mainConfig().LoadBeside(texts, o.Vars)
	if diags.HasErrors() {
		err = told(diags)
		if slices.ContainsFunc(diags, flow.IsOfGiven) {
			return did, control.Errorf(control.BadArgs, "%v", err)
		}
		return did, err
	}
	u := h.applied(name)
	fresh := u == nil
	if fresh {
		u = h.newUnit(ctx, name, c, nil)
	}
	did, err = u.swap(ctx, c, s)
	switch {
	case err != nil:
		err = fmt.Errorf("start %s: %w", name, err)
		fallthrough
	case o.DryRun:
		if fresh {
			err = errors.Join(err, u.close())
		}
		return did, err
	}
	u.vars = o.Vars
	h.recalled(name)
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

// applied returns the Unit of a file that was applied; nil where it was not.
func (h *Host) applied(file string) *Unit {
	for _, u := range h.all() {
		if u.file == file {
			return u
		}
	}
	return nil
}

// Remove stops the flows of a file that was applied, or is to be when it is well again.
func (h *Host) Remove(ctx context.Context, file string) ([]string, error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return nil, err
	}
	defer h.lifecycle.end()
	var flows, names []string
	var err error
	switch u := h.applied(file); {
	case u != nil && file != "":
		flows = u.FlowNames()
		err = u.stop()
		h.forget()
	case !h.recalled(file):
		for _, f := range h.appliedFiles() {
			names = append(names, f.File)
		}
		return nil, fmt.Errorf("%s was not applied%s", file, nearest.Hint(file, names))
	}
	h.log.Info("flow file removed", slog.String("file", file))
	h.remember()
	return append([]string{}, flows...), err
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
