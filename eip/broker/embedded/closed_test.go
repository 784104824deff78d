package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/store"
)

// The structure of a file is checked, unless its last process closed it just so.
func TestOpen_ChecksWhatWasNotClosed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, messagesFile)
	reopen := func() error {
		b, err := Open(broker.Config{DataDir: dir})
		if err != nil {
			return err
		}
		return b.Close()
	}
	if err := reopen(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { // what bbolt takes, and no store has
		_, err := tx.Bucket(positionsBucket).CreateBucket([]byte("nested"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reopen(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a file that another program has changed since it was closed gave %v", err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	(&fileStore{path: path, file: f}).noteClosed()
	if err := reopen(); err != nil {
		t.Errorf("a file that was closed was checked: %v", err)
	}
}

// A file that was closed knows its free pages, and one that was not finds them: none is lost
// and none is used twice, however the two alternate.
func TestClose_KeepsFreePages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, messagesFile)
	for round := range 4 {
		b, err := Open(broker.Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		space, err := b.State().Space("f.s")
		if err != nil {
			t.Fatal(err)
		}
		err = store.Do(t.Context(), space, func(tx store.Tx) error {
			for i := range 1000 {
				key := fmt.Sprint(i)
				if tx.Delete(key); i%3 == round%3 {
					tx.Put(key, make([]byte, 500), time.Time{})
				}
			}
			return tx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if killed := round%2 == 1; killed {
			copied := filepath.Join(t.TempDir(), messagesFile)
			all, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(copied, all, 0o600), b.Close(), os.Rename(copied, path)); err != nil {
				t.Fatal(err)
			}
		} else if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := readMeta(f, 0)
		if f.Close(); err != nil || (m.freelist == noFreelist) != (round%2 == 1) {
			t.Errorf("round %d: the list of free pages is at %d (%v)", round, int64(m.freelist), err)
		}
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
		if err != nil {
			t.Fatal(err)
		}
		_ = db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				t.Errorf("round %d: %v", round, err)
			}
			return nil
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
