package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// shrinkFrom is how large a file must be to be made smaller. bbolt uses free pages
// again, and never gives them back: once a deep queue has drained, the file is
// large and nearly empty.
const shrinkFrom = 64 << 20

func (s *fileStore) isNearlyEmpty() bool {
	size := int64(0)
	_ = s.db.View(func(tx *bbolt.Tx) error { // gives no error of its own
		size = tx.Size()
		return nil
	})
	free := int64(s.db.Stats().FreePageN) * int64(s.db.Info().PageSize)
	return size >= shrinkFrom && size-free < size/8
}

// shrink puts a copy without the free pages in the file's place, and closes the
// file. The copy is whole before it gets there.
func (s *fileStore) shrink() error {
	dir, err := os.MkdirTemp(filepath.Dir(s.path), tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, filepath.Base(s.path))
	to, err := bbolt.Open(copied, 0o600, &bbolt.Options{PageSize: pageSize, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = bbolt.Compact(to, s.db, 16<<20)
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("make it smaller: %w", err)
	}
	if err := os.Rename(copied, s.path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	return s.db.Close()
}
