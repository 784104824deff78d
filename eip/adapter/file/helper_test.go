package file_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
)

// at makes a File adapter, changed by edit.
func at(path string, edit func(*file.Adapter)) *file.Adapter {
	f := file.New()
	f.Path = adapter.Program{Source: path}
	if edit != nil {
		edit(f)
	}
	return f
}

func follow(f *file.Adapter) { f.Follow = true }

func wholeFile(f *file.Adapter) { f.Format = adapter.Whole }

// whole makes a File adapter that writes each message to a file below root.
func whole(root string, name func(*eip.Message) string) *file.Adapter {
	f := file.New()
	f.Format, f.Root = adapter.Whole, root
	f.Path.Text = func() (eip.Text, error) {
		return func(_ context.Context, m *eip.Message) (string, error) { return name(m), nil }, nil
	}
	return f
}

func appendTo(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err == nil {
		_, err = f.WriteString(content)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
