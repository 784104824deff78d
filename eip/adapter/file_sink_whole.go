package adapter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/eipd/eipd/eip"
)

// wholeSink writes each message to a file of its own.
type wholeSink struct {
	path   eip.Text
	root   *os.Root
	prefix string // of absolute paths: the root
	sync   bool
}

// wholePath compiles the expression for a message's file.
func (a *File) wholePath() (eip.Text, error) {
	if a.Path.Text == nil {
		return nil, eip.OptionErrorf("path", `with format = "whole" it must be an expression, or a function`)
	}
	return a.Path.Text()
}

func openWholeSink(a *File) (*wholeSink, error) {
	path, err := a.wholePath()
	if err != nil {
		return nil, err
	}
	folder := a.rootFolder()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &wholeSink{path: path, root: root, prefix: absolute(folder), sync: a.Sync}, nil
}

// rootFolder is what no message can make the sink write outside of. What the
// author wrote in front of all that a message adds is the author's will.
func (a *File) rootFolder() string {
	if a.Root != "" {
		return a.Root
	}
	source := strings.TrimSpace(a.Path.Source)
	if source == "" || !strings.ContainsRune("'\"`", rune(source[0])) {
		return "."
	}
	literal, _, closed := strings.Cut(source[1:], source[:1])
	if !closed || !filepath.IsAbs(literal) || strings.Contains(literal, `\`) {
		return "."
	}
	return literal[:strings.LastIndexByte(literal, '/')+1]
}

// Handle writes m's body, so that its file is there whole or not at all.
func (s *wholeSink) Handle(ctx context.Context, m *eip.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := s.path(ctx, m)
	if err != nil {
		return err
	}
	name, err := s.inside(path)
	if err != nil {
		return eip.Invalid(fmt.Errorf("write file %.200q: %w", path, err))
	}
	err = s.write(name, m.Body())
	switch {
	case errors.Is(err, syscall.ENAMETOOLONG):
		return eip.Invalid(fmt.Errorf("write file %.200q: %w", path, err))
	case err != nil:
		return fmt.Errorf("write file %s: %w", path, err)
	}
	return nil
}

// inside returns the name below the root.
func (s *wholeSink) inside(path string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("it has no name")
	case strings.ContainsRune(path, 0):
		return "", errors.New("it has a NUL byte")
	case strings.HasSuffix(path, "/"):
		return "", errors.New("it names a folder")
	}
	for element := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if element == ".." {
			return "", errors.New("it goes up by `..`")
		}
	}
	name := filepath.Clean(path)
	if filepath.IsAbs(name) {
		below, ok := strings.CutPrefix(name, strings.TrimSuffix(s.prefix, "/")+"/")
		if !ok {
			return "", fmt.Errorf("it is outside of %s; set root where that is wanted", s.prefix)
		}
		name = below
	}
	if name == "." || !filepath.IsLocal(name) {
		return "", errors.New("it names no file")
	}
	return name, nil
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
		return s.syncFolder(folder)
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

// syncFolder makes the new name last.
func (s *wholeSink) syncFolder(folder string) error {
	f, err := s.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close gives the folder back: every message was written when Handle returned.
func (s *wholeSink) Close() error { return s.root.Close() }
