package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/private"
)

// mostKept is how many bytes the last resort of all flows keeps.
const mostKept eip.Bytes = 1 << 30

// lastResort keeps a dead letter that its channel refuses in a file in the data
// directory, and returns its path.
func (r *flowRun) lastResort(m *eip.Message) (path string, err error) {
	h := r.unit.host
	if h.options.DataDir == "" {
		return "", errors.New("there is no data directory")
	}
	h.keeping.Lock()
	defer h.keeping.Unlock()
	dir := filepath.Join(h.options.DataDir, "refused")
	if err := private.Folder(dir); err != nil {
		return "", err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	size := m.Size()
	for _, f := range files {
		if info, err := f.Info(); err == nil { // else it has gone
			size += info.Size()
		}
	}
	if size > int64(mostKept) {
		return "", fmt.Errorf("%s would hold more than %v; move away what is there", dir, mostKept)
	}
	f, err := os.CreateTemp(dir, r.decl.Name+"-*.jsonl")
	if err != nil {
		return "", err
	}
	err = errors.Join(deadletter.Save(f, m), f.Sync(), f.Close())
	if d, open := os.Open(dir); open == nil { // where folders can be synced, or need it
		_ = d.Sync()
		_ = d.Close()
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
