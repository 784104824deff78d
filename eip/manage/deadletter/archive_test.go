package deadletter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/manage/deadletter"
)

func archived(id string, body []byte) deadletter.Archived {
	m := letter(id, "it is full", noon)
	for name, v := range everyHeader() {
		m = m.WithHeader(name, v)
	}
	return deadletter.Archived{ID: id, Flow: "orders", How: deadletter.Discarded, By: "anna", Message: m.WithBody(body)}
}

// What is in an archive is what it was, after the file was closed too.
func TestArchive_KeepsLetters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	a := &deadletter.Archive{Path: path}
	if all, n, err := a.List(10); len(all) != 0 || n != 0 || err != nil {
		t.Errorf("of no archive: %v, %d, %v", all, n, err)
	}
	if _, err := a.Get("abcdef"); !errors.Is(err, deadletter.ErrNotArchived) {
		t.Errorf("of no archive: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("to look has made a file")
	}
	want := archived("abcdef0123456789", []byte("\x00\xff{}"))
	if err := a.Put([]deadletter.Archived{want, archived("abcdef0123456789-2", nil), archived("abcdef9999999999", nil)}); err != nil {
		t.Fatal(err)
	}
	a = &deadletter.Archive{Path: path}
	for _, id := range []string{"abcdef", "abcde", "abcdef9999999998", ""} {
		if _, err := a.Get(id); err == nil {
			t.Errorf("%q is the id of a letter", id)
		}
	}
	got, err := a.Get("abcdef0123456789")
	if err != nil || string(got.Message.Body()) != "\x00\xff{}" || !reflect.DeepEqual(got.Message.Headers, want.Message.Headers) || got.Message.ID != "abcdef0123456789" || got.By != "anna" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := a.Note(got.ID, func(l *deadletter.Archived) { l.Outcome = deadletter.Passed }); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Get(got.ID); err != nil || got.Outcome != deadletter.Passed || got.Message == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if all, n, err := a.List(2); len(all) != 2 || n != 3 || err != nil {
		t.Errorf("%v, %d, %v", all, n, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestArchive_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &deadletter.Archive{Path: filepath.Join(t.TempDir(), "archive.db"), Bytes: 1 << 20}
		put := func(i int) error {
			time.Sleep(time.Second)
			return a.Put([]deadletter.Archived{archived(fmt.Sprintf("%016d", i), make([]byte, 100<<10))})
		}
		for i := range 30 {
			if err := put(i); err != nil {
				t.Fatal(err)
			}
		}
		all, n, err := a.List(100)
		if err != nil || n < 8 || n > 10 || all[0].ID != fmt.Sprintf("%016d", 29) || len(all) != n {
			t.Errorf("%d letters, %v", n, err)
		}
		if err := a.Put([]deadletter.Archived{archived("large", make([]byte, 600<<10))}); err == nil {
			t.Error("it takes what it cannot keep")
		}
		time.Sleep(deadletter.ArchiveAge + time.Second)
		if err := put(30); err != nil {
			t.Fatal(err)
		}
		if all, n, err := a.List(100); n != 1 || err != nil {
			t.Errorf("after two weeks: %v, %v", all, err)
		}
	})
}
