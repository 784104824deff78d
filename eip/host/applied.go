package host

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/private"
	"github.com/eipd/eipd/internal/regular"
)

// appliedName is the file's in the data directory that says what was applied.
const (
	appliedName = "applied.json"
	mostApplied = 64 << 20 // bytes of it
)

// appliedFile is a file, or folder of files, that was applied, as it is remembered.
type appliedFile struct {
	File    string         `json:"file"`
	Vars    map[string]any `json:"vars,omitempty"`
	Without []string       `json:"without,omitempty"` // flows that have made room for another file's
}

// unapplied is one that cannot be applied again. Without a name it is what cannot be read
// in the file that says so.
type unapplied struct {
	appliedFile
	why string
}

// appliedFiles are those that run, and those that should, by their names.
func (h *Host) appliedFiles() (all []appliedFile) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.unapplied {
		if f.File != "" {
			all = append(all, f.appliedFile)
		}
	}
	for _, u := range h.units {
		if u.file != "" {
			u.mu.Lock()
			all = append(all, appliedFile{u.file, u.vars, u.without})
			u.mu.Unlock()
		}
	}
	slices.SortFunc(all, func(a, b appliedFile) int { return strings.Compare(a.File, b.File) })
	return all
}

// Unapplied returns the files that were applied before the process started, and could
// not be applied again.
func (h *Host) Unapplied() (all []control.FileState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.unapplied {
		all = append(all, control.FileState{File: cmp.Or(f.File, appliedName), Why: f.why})
	}
	return all
}

// recalled drops a file from those that could not be applied again, and reports whether
// it was one.
func (h *Host) recalled(file string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.unapplied)
	h.unapplied = slices.DeleteFunc(h.unapplied, func(f unapplied) bool { return f.File == file })
	return len(h.unapplied) < before
}

func (h *Host) remembers() bool { return h.options.DataDir != "" && h.options.FlowsDir != "" }

// remember keeps which files are applied. It is called with the lifecycle lock.
func (h *Host) remember() {
	if !h.remembers() {
		return
	}
	path := filepath.Join(h.options.DataDir, appliedName)
	if err := private.WriteJSON(path, append([]appliedFile{}, h.appliedFiles()...)); err != nil {
		h.log.Error("which flow files are applied cannot be kept; after a restart others will run", slog.Any("error", err))
	}
}

// recall applies what was applied when the process ended. It is called with the lifecycle
// lock. What cannot be applied keeps nothing else from running.
func (h *Host) recall(ctx context.Context) {
	defer h.control.Recall() // what was set on their stages
	if !h.remembers() {
		return
	}
	var all []appliedFile
	data, err := regular.ReadFile(filepath.Join(h.options.DataDir, appliedName), mostApplied)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber() // as they were given
		err = d.Decode(&all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.cannotRecall(appliedFile{}, fmt.Errorf("it says which flow files were applied, and cannot be read: %w", err))
	}
	for _, f := range all {
		if texts, err := h.flowFiles(f.File); err == nil && h.names(texts) {
			continue // the process was started with it
		}
		did, err := h.apply(ctx, f.File, control.ApplyOptions{Vars: f.Vars}, f.Without)
		switch {
		case err == nil:
		case h.Draining() || ctx.Err() != nil:
			return
		default:
			h.cannotRecall(f, err)
			continue
		}
		h.log.Info("flow file applied again", append([]any{slog.String("file", f.File)}, did.Attrs()...)...)
	}
}

func (h *Host) cannotRecall(f appliedFile, why error) {
	h.log.Error("flow file cannot be applied again; the others run", slog.String("file", cmp.Or(f.File, appliedName)), slog.Any("why", why))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unapplied = append(h.unapplied, unapplied{f, h.secrets.Hide(why.Error())})
}
