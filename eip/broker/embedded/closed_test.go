package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker"
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
