package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/eipd/eipd/eip"
)

// wholeSink writes each message to a file of its own.
type wholeSink struct {
	*rooted
	sync bool
}

func openWholeSink(a *Adapter) (*wholeSink, error) {
	r, err := a.openRooted()
	if err != nil {
		return nil, err
	}
	return &wholeSink{r, a.Sync}, nil
}

// Handle writes m's body, so that its file is there whole or not at all.
func (s *wholeSink) Handle(ctx context.Context, m *eip.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, name, err := s.name(ctx, m)
	if err != nil {
		return err
	}
	return writeError(path, s.write(name, m.Body()))
}

func writeError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENAMETOOLONG):
		return eip.Invalid(fmt.Errorf("write file %.200q: %w", path, err))
	case err != nil:
		return fmt.Errorf("write file %s: %w", path, err)
	}
	return nil
}

func (s *wholeSink) write(name string, body []byte) error {
	folder := filepath.Dir(name)
	if folder != "." {
		if err := s.root.MkdirAll(folder, 0o777); err != nil {
			return err
		}
	}
	temporary := filepath.Join(folder, ".eipd-"+eip.NewID()+".tmp")
	err := s.writeTemporary(temporary, body)
	if err == nil {
		err = s.root.Rename(temporary, name)
	}
	if err != nil {
		s.root.Remove(temporary)
		return err
	}
	if s.sync {
		return syncFolder(s.root, folder)
	}
	return nil
}

func (s *wholeSink) writeTemporary(name string, body []byte) error {
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil && s.sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Close gives the folder back: every message was written when Handle returned.
func (s *wholeSink) Close() error { return s.root.Close() }
