package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func fill(t *testing.T, s store.Store, name string, change func(store.Tx)) store.Space {
	t.Helper()
	p, err := s.Space(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Do(t.Context(), p, func(tx store.Tx) error { change(tx); return tx.Err() }); err != nil {
		t.Fatal(err)
	}
	return p
}

func export(t *testing.T, spaces ...store.Space) string {
	t.Helper()
	var to bytes.Buffer
	e := store.NewExporter(&to)
	for _, p := range spaces {
		if err := e.Space(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	return to.String()
}

// What is exported of one kind of store is in another one as it was.
func TestExport_ComesBack(t *testing.T) {
	for name, from := range stores(t) {
		t.Run(name, func(t *testing.T) {
			at := time.Date(2026, 1, 31, 9, 0, 0, 123456789, time.UTC)
			large := bytes.Repeat([]byte("large"), 1<<20)
			a := fill(t, from, "f.a", func(tx store.Tx) {
				tx.Put("", []byte("the empty key"), time.Time{})
				tx.Put("none", nil, time.Time{})
				tx.Put("a <b> \x00 é", []byte{0, 255}, at)
				tx.Put("\xff\xfe", []byte("no text"), at.Add(-time.Hour))
				tx.Put("large", large, time.Time{})
				for n := range 2500 {
					tx.Put(fmt.Sprint("many/", n), fmt.Append(nil, n), at)
				}
				for range 41 {
					tx.Next()
				}
			})
			b := fill(t, from, "f.b", func(store.Tx) {})
			text := export(t, a, b)
			for name, to := range stores(t) {
				names, err := store.Import(t.Context(), to, strings.NewReader(text))
				if err != nil || fmt.Sprint(names) != "[f.a f.b]" {
					t.Fatalf("%s: %v, %v", name, names, err)
				}
				a, _ := to.Space("f.a")
				b, _ := to.Space("f.b")
				if again := export(t, a, b); again != text {
					t.Errorf("%s: it has other content than what was exported", name)
				}
				if sum, err := store.Sum(a); err != nil || sum.Keys != 2505 || sum.Due != 2502 || !sum.Next.Equal(at.Add(-time.Hour)) {
					t.Errorf("%s: %+v, %v", name, sum, err)
				}
				fill(t, to, "f.a", func(tx store.Tx) {
					if n := tx.Next(); n != 42 {
						t.Errorf("%s: %d is the next number", name, n)
					}
				})
				if _, err := store.Import(t.Context(), to, strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "f.a already") {
					t.Errorf("%s: a second time: %v", name, err)
				}
			}
		})
	}
}

func TestImport_Refusals(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"nothing":            {"", "the end is missing"},
		"not ours":           {"hello\n", "no export of eipd state"},
		"other JSON":         {"{}\n", "no export of eipd state"},
		"newer":              {`{"eipd_state":2}` + "\n", "take a newer one"},
		"cut off":            {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n", "the end is missing"},
		"cut off in a line":  {"{\"eipd_state\":1}\n{\"space\":\"f.", "line 2"},
		"a line less":        {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n{\"end\":3}\n", "should be 3 lines"},
		"more":               {"{\"eipd_state\":1}\n{\"end\":1}\n{\"space\":\"f.a\"}\n", "after the end"},
		"a key of nothing":   {"{\"eipd_state\":1}\n{\"key\":\"k\"}\n{\"end\":2}\n", "neither a space"},
		"a line of nothing":  {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n{}\n{\"end\":3}\n", "neither a space"},
		"no base64":          {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n{\"key\":\"k\",\"value\":\"?\"}\n{\"end\":3}\n", "line 3"},
		"one space twice":    {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n{\"space\":\"f.a\"}\n{\"end\":3}\n", "twice"},
		"a key of many byte": {"{\"eipd_state\":1}\n{\"space\":\"f.a\"}\n{\"key\":\"" + strings.Repeat("k", 5000) + "\"}\n{\"end\":3}\n", "5000 bytes"},
	} {
		to := memory.New()
		_, err := store.Import(t.Context(), to, strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "nothing was imported") {
			t.Errorf("%s: %v", name, err)
		}
		if names, _ := to.Spaces(); len(names) != 0 {
			t.Errorf("%s: there are %v", name, names)
		}
	}
}

// An import that is broken off begins anew.
func TestImport_InPart(t *testing.T) {
	from, to := memory.New(), memory.New()
	p := fill(t, from, "f.a", func(tx store.Tx) {
		for n := range 5000 {
			tx.Put(fmt.Sprint(n), []byte("value"), time.Time{})
		}
	})
	text := export(t, p)
	broken := &failingSeeker{Reader: strings.NewReader(text)}
	if _, err := store.Import(t.Context(), to, broken); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	q, _ := to.Space("f.a")
	if sum, err := store.Sum(q); err == nil || !strings.Contains(err.Error(), "in part") {
		t.Fatalf("%+v, %v", sum, err)
	}
	if _, err := store.Import(t.Context(), to, strings.NewReader(text)); err != nil || export(t, q) != text {
		t.Errorf("again: %v", err)
	}
}

var errBroken = errors.New("the disk does not answer")

// failingSeeker fails the second time, half way.
type failingSeeker struct {
	*strings.Reader
	again bool
}

func (f *failingSeeker) Seek(to int64, whence int) (int64, error) {
	f.again = true
	return f.Reader.Seek(to, whence)
}

func (f *failingSeeker) Read(b []byte) (int, error) {
	if f.again && f.Len() < int(f.Size())/2 {
		return 0, errBroken
	}
	return f.Reader.Read(b)
}

// What is damaged in the file is found.
func TestOpenState_Damaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, embedded.StateFiles[1])
	open := func() (store.Store, error) { return embedded.OpenState(path, true, nil) }
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, "f.a", func(tx store.Tx) {
		tx.Put("key", []byte("a value that is easily found"), time.Now())
		tx.Put("other", []byte("x"), time.Time{})
	})
	if _, err := open(); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.ReplaceAll(text, []byte("easily found"), []byte("easily fOund"))
	if bytes.Equal(text, damaged) {
		t.Fatal("the value is not there")
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = open(); err != nil {
		t.Fatal(err)
	}
	p, _ := s.Space("f.a")
	if _, err := store.Sum(p); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	if err := store.NewExporter(&bytes.Buffer{}).Space(context.Background(), p); err == nil {
		t.Error("it was exported")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
