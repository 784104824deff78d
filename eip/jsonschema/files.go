package jsonschema

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/internal/regular"
)

const (
	maxFile  = 1 << 20 // bytes of a file
	maxFiles = 100     // that one schema refers to
)

// beside is what files are called: nothing that a schema says leads out of their folder, and
// no error says where that is.
const beside = "eipd://files/"

// files are what a schema is read from, each once.
type files struct {
	folder string
	main   string // the address of the schema itself
	id     string // where its own $id says that its folder is; "": nowhere

	mu      sync.Mutex
	read    map[string]any // by address
	size    int            // of all, in bytes
	digests map[string]string
}

// readFiles reads the schema in a file. What it refers to is read when it is compiled.
func readFiles(path string) (*files, error) {
	text, err := regular.ReadFile(path, maxFile)
	if err != nil {
		return nil, err
	}
	folder, name := filepath.Split(path)
	f := &files{folder: folder, main: beside + url.PathEscape(name), read: map[string]any{}, digests: map[string]string{}}
	doc, err := f.add(f.main, text)
	if err != nil {
		return nil, err
	}
	if object, ok := doc.(map[string]any); ok {
		if id, ok := object["$id"].(string); ok && strings.Contains(id, "://") {
			f.id = id[:strings.LastIndexByte(id, '/')+1]
		}
	}
	return f, nil
}

// add enters the text of a file.
func (f *files) add(address string, text []byte) (any, error) {
	doc, err := content.DecodeJSON(text)
	if err == nil {
		_, _, err = measure(doc, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.TrimPrefix(address, beside), err)
	}
	sum := sha256.Sum256(text)
	f.read[address], f.digests[address] = doc, hex.EncodeToString(sum[:])
	f.size += len(text)
	return doc, nil
}

func (f *files) digest() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := sha256.New()
	for _, address := range slices.Sorted(maps.Keys(f.digests)) {
		fmt.Fprintln(all, address, f.digests[address])
	}
	return hex.EncodeToString(all.Sum(nil))
}

var errNetwork = errors.New("nothing is read from the network; put it into a file beside the schema, and refer to that by its name")

// Load reads what a schema refers to. It is called by the library.
func (f *files) Load(address string) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.id != "" && strings.HasPrefix(address, f.id) {
		address = beside + address[len(f.id):]
	}
	if doc, ok := f.read[address]; ok {
		return doc, nil
	}
	name, ok := strings.CutPrefix(address, beside)
	if !ok {
		return nil, errNetwork
	}
	if len(f.read) >= maxFiles {
		return nil, fmt.Errorf("it refers to more than %d files", maxFiles)
	}
	name, err := url.PathUnescape(name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Clean(f.folder + "."))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := regular.In(root, filepath.FromSlash(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := regular.ReadAll(file, maxFile)
	if err != nil {
		return nil, err
	}
	return f.add(address, text)
}

// explain is why a schema cannot be compiled.
func (f *files) explain(err error) error {
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return fmt.Errorf("it refers to %s: %w", strings.TrimPrefix(load.URL, beside), load.Err)
	}
	var wrong *jsonschema.SchemaValidationError
	if errors.As(err, &wrong) {
		var found *jsonschema.ValidationError
		if errors.As(wrong.Err, &found) {
			return fmt.Errorf("it is no JSON Schema: %w", problems("schema", found))
		}
	}
	return errors.New(strings.ReplaceAll(err.Error(), beside, ""))
}
