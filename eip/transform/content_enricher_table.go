package transform

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/internal/regular"
)

// How large a table may be.
const (
	mostFile = 64 << 20  // bytes of its file
	mostRows = 256 << 20 // that its rows take, of which each takes perRow at least
	perRow   = 100
	mostRead = 1 << 20 // bytes of a file that is read to check flow files
)

// lookAgain is how often the file is looked at.
const lookAgain = time.Second

// A table are replies by their keys, in a file.
type table struct {
	path, column string
	clock        eip.Clock
	log          *slog.Logger
	rows         atomic.Pointer[map[string][]byte] // JSON, by key
	wrong        atomic.Pointer[error]             // why they are not those of the file

	looking sync.Mutex // who has it looks
	looked  time.Time
	seen    fs.FileInfo // what rows are of, or why they are not; nil: it could not be looked at, or not be opened
}

// checkTable checks what can be said of a table before it is read.
func checkTable(path, column string) error {
	switch kindOf(path) {
	case ".csv", ".jsonl", ".ndjson":
		if column == "" {
			return eip.OptionErrorf("column", "nothing says which member of a row the key must equal; add column")
		}
	case ".json":
	default:
		return eip.OptionErrorf("file", "its name must end in .csv, .jsonl, .ndjson or .json, by which it is known how to read it")
	}
	return nil
}

// checkFile checks that a table can be read. What is in a large one is not looked at.
func checkFile(path, column string) error {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() > mostFile:
		return &regular.SizeError{Path: path, Limit: mostFile}
	case info.Size() > mostRead:
		return nil
	}
	text, err := regular.ReadAll(f, mostRead)
	if err == nil {
		_, err = readRows(kindOf(path), text, column)
	}
	return err
}

func kindOf(path string) string { return strings.ToLower(filepath.Ext(path)) }

// open reads the table, which must be well.
func (t *table) open(path, column string, env *eip.Env) error {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.path, t.column, t.clock, t.log = path, column, env.Clock, env.Log
	t.seen = nil
	t.wrong.Store(nil)
	return t.read()
}

// find returns the reply to a key; nil: there is none.
func (t *table) find(key string) *eip.Message {
	if t.looking.TryLock() {
		if t.clock.Since(t.looked) >= lookAgain {
			t.again()
		}
		t.looking.Unlock()
	}
	row := (*t.rows.Load())[key]
	if row == nil || key == "" {
		return nil
	}
	return inJSON(row)
}

// again reads the file if it is another one than before. While that cannot be read, the
// table stays as it is.
func (t *table) again() {
	was := t.trouble()
	err := t.read()
	switch {
	case err == nil:
		t.wrong.Store(nil)
	case was == nil || was.Error() != err.Error():
		t.log.Warn("the table cannot be read again, and stays as it was", "file", t.path, "error", err)
		t.wrong.Store(&err)
	}
}

// read reads what has changed.
func (t *table) read() error {
	t.looked = t.clock.Now()
	info, err := os.Stat(t.path)
	if err != nil {
		t.seen = nil
		return err
	}
	if t.seen != nil && os.SameFile(t.seen, info) && t.seen.Size() == info.Size() && t.seen.ModTime().Equal(info.ModTime()) {
		return t.trouble()
	}
	text, err := regular.ReadFile(t.path, mostFile)
	t.seen = info
	if err != nil {
		if !errors.As(err, new(*regular.SizeError)) {
			t.seen = nil // what is wrong may pass though the file stays
		}
		return err
	}
	rows, err := readRows(kindOf(t.path), text, t.column)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	t.rows.Store(&rows)
	return nil
}

func (t *table) trouble() error {
	if err := t.wrong.Load(); err != nil {
		return *err
	}
	return nil
}

func (t *table) size() int64 {
	if rows := t.rows.Load(); rows != nil {
		return int64(len(*rows))
	}
	return 0
}

// readRows reads the rows of a table of a kind, by their keys.
func readRows(kind string, text []byte, column string) (rows map[string][]byte, err error) {
	var n int
	var list iter.Seq[[]byte]
	switch kind {
	case ".csv":
		n, list, err = content.CSV(text)
	case ".jsonl", ".ndjson":
		n, list, err = content.JSONLines(text)
	default:
		members, isNoMap := content.Members(text)
		if isNoMap == nil {
			return keyed(members, column)
		}
		n, list, err = content.Elements(text, nil)
	}
	switch {
	case err != nil:
		return nil, err
	case column == "":
		return nil, errors.New("it is a list, and nothing says which member of a row the key must equal; add column")
	}
	return listed(n, list, column)
}

// keyed are the members of a map.
func keyed(members iter.Seq2[string, []byte], column string) (map[string][]byte, error) {
	if column != "" {
		return nil, errors.New("it is a map by its keys; leave column out")
	}
	rows, taken := map[string][]byte{}, 0
	for key, row := range members {
		if err := enter(rows, key, row, &taken); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// listed are the rows of a list.
func listed(n int, list iter.Seq[[]byte], column string) (map[string][]byte, error) {
	rows, taken, number := make(map[string][]byte, min(n, mostRows/perRow)), 0, 0
	for row := range list {
		number++
		key, err := keyIn(row, column)
		if err == nil {
			err = enter(rows, key, row, &taken)
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", number, err)
		}
	}
	return rows, nil
}

// keyIn returns the key of a row.
func keyIn(row []byte, column string) (string, error) {
	value := content.Member(row, column)
	if value == nil {
		return "", fmt.Errorf("it has no member %s", column)
	}
	v, err := content.DecodeJSON(value)
	if err != nil {
		return "", err
	}
	return content.Key(v)
}

// enter enters a row.
func enter(rows map[string][]byte, key string, row []byte, taken *int) error {
	*taken += perRow + len(key) + len(row)
	switch {
	case key == "":
		return errors.New("its key is empty")
	case rows[key] != nil:
		return fmt.Errorf("there is a row with the key %.100q already", key)
	case *taken > mostRows:
		return fmt.Errorf("the rows take more than %d MiB of memory", mostRows>>20)
	}
	rows[key] = row
	return nil
}
