package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/internal/regular"
)

var (
	flowFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.hcl(\.json)?$`)
	folderName   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

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
