package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/private"
)

// A saveFile takes what is about to be removed, a line of JSON each: a message as
// deadletter.Save writes it. Before create, it takes nothing.
type saveFile struct {
	path string
	file *os.File
	out  *bufio.Writer
}

// create makes a file in dir, named by what the lines are of.
func (f *saveFile) create(dir, of string) error {
	if err := private.Folder(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, fmt.Sprintf("%s-%s-*.jsonl", of, time.Now().UTC().Format("20060102T150405Z")))
	if err != nil {
		return err
	}
	f.path, f.file, f.out = file.Name(), file, bufio.NewWriter(file)
	return nil
}

func (f *saveFile) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// sync has on disk what was saved.
func (f *saveFile) sync() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.out.Flush(), f.file.Sync())
}

// save writes a message, or what JSON can say.
func (f *saveFile) save(v any) error {
	if f.file == nil {
		return nil
	}
	if m, ok := v.(*eip.Message); ok {
		return deadletter.Save(f.out, m)
	}
	return json.NewEncoder(f.out).Encode(v)
}

// saveAll saves in a file that it makes where there is none, and syncs.
func (f *saveFile) saveAll(dir, of string, all []any) error {
	if f.file == nil && len(all) > 0 {
		if err := f.create(dir, of); err != nil {
			return err
		}
	}
	for _, v := range all {
		if err := f.save(v); err != nil {
			return err
		}
	}
	return f.sync()
}
