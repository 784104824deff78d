package eiptest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

func (t *storeTest) longKeys() {
	s := t.space("f.stage")
	t.put(s, strings.Repeat("k", store.MaxKey), "", none)
	err := t.step(s, func(tx store.Tx) error {
		tx.Put("a", nil, none)
		tx.Put(strings.Repeat("k", store.MaxKey+1), nil, none)
		if tx.Err() == nil {
			t.Error("a key that is too long is taken")
		}
		return nil
	})
	if err == nil || !eip.IsPermanent(err) {
		t.Errorf("a key that is too long gives %v", err)
	}
	t.expect(s, strings.Repeat("k", store.MaxKey)+"=")
}

func (t *storeTest) anyBytes() {
	s := t.space("f.stage with spaces/ünd\x00bytes")
	keys := []string{"", "\x00", "\x00\x00", "a\x00b", "\xff", "=", "#"}
	for i, key := range keys {
		t.put(s, key, key+"\x00", at(int64(i+1)))
	}
	t.again()
	if s = t.space(s.Name()); !t.c.Lasts && t.dump(s) == "" {
		return
	}
	_ = s.View(func(r store.Reader) error {
		for i, key := range keys {
			if v, due := r.Get(key); string(v) != key+"\x00" || !due.Equal(at(int64(i+1))) {
				t.Errorf("%q is %q, due at %v", key, v, due)
			}
		}
		return nil
	})
}

func (t *storeTest) large() {
	s := t.space("f.stage")
	value := bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)
	t.put(s, "large", string(value), at(1))
	t.put(s, "small", "x", none)
	t.again()
	if s = t.space("f.stage"); !t.c.Lasts && t.dump(s) == "" {
		return
	}
	_ = s.View(func(r store.Reader) error {
		if v, _ := r.Get("large"); !bytes.Equal(v, value) {
			t.Errorf("10 MiB came back as %d bytes", len(v))
		}
		return nil
	})
}

func (t *storeTest) numbers() {
	given := map[uint64]bool{}
	for range 3 {
		s := t.space("f.stage")
		for i := range 20 {
			err := t.step(s, func(tx store.Tx) error {
				n := tx.Next()
				if i%3 == 0 {
					return errors.New("no")
				}
				if n == 0 || given[n] {
					t.Errorf("%d was given before", n)
				}
				given[n] = true
				return nil
			})
			if (err != nil) != (i%3 == 0) {
				t.Error(err)
			}
		}
		t.again()
	}
	for _, n := range []uint64{1000, 7} {
		err := t.step(t.space("f.stage"), func(tx store.Tx) error {
			if tx.Skip(n); tx.Next() <= 1000 {
				t.Error("a number was given that was to be skipped")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		t.again()
	}
}

func (t *storeTest) apart() {
	a, b := t.space("f.a"), t.space("f.b")
	t.put(a, "key", "1", at(1))
	t.expect(b, "")
	t.put(b, "key", "2", at(2))
	t.expect(a, "key=1@1 1:key")
	if again := t.space("f.a"); again.Store() != t.space("f.b").Store() || again.Name() != "f.a" {
		t.Errorf("the space is %s", again.Name())
	}
	names, err := t.store.Spaces()
	if err != nil || fmt.Sprint(names) != "[f.a f.b]" {
		t.Errorf("there are the spaces %v, %v", names, err)
	}
}

func (t *storeTest) rename() {
	t.put(t.space("f.old"), "key", "1", at(1))
	t.put(t.space("f.other"), "key", "2", none)
	if err := t.store.Rename("f.old", "f.other"); err == nil {
		t.Error("a space takes the place of another one")
	}
	for range 2 { // the second time there is none
		if err := t.store.Rename("f.old", "f.new"); err != nil {
			t.Error(err)
		}
	}
	t.expect(t.space("f.new"), "key=1@1 1:key")
	t.again()
	if t.c.Lasts {
		t.expect(t.space("f.new"), "key=1@1 1:key")
		t.expect(t.space("f.other"), "key=2")
	}
	t.expect(t.space("f.old"), "")
}

func (t *storeTest) views() {
	s := t.space("f.stage")
	t.put(s, "a", "1", none)
	err := s.View(func(r store.Reader) error {
		t.put(s, "a", "2", none)
		if v, _ := r.Get("a"); string(v) != "1" {
			t.Errorf("a View saw %s, which came later", v)
		}
		return errors.New("its own")
	})
	if err == nil || !strings.Contains(err.Error(), "its own") {
		t.Errorf("View returns %v", err)
	}
	t.expect(s, "a=2")
}

func (t *storeTest) changed() {
	s := t.space("f.stage")
	t.put(s, "a", "", none)
	select {
	case <-s.Changed():
		t.Error("it tells of a key that is never due")
	default:
	}
	t.put(s, "a", "", at(1))
	select {
	case <-s.Changed():
	case <-time.After(10 * time.Second):
		t.Error("it does not tell of a key that is due")
	}
}

func (t *storeTest) concurrent() {
	const each, goroutines = 200, 16
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			s := t.space("f.stage")
			for i := range each {
				err := t.step(s, func(tx store.Tx) error {
					was, _ := tx.Get("n")
					tx.Put("n", append(bytes.Clone(was), 'x'), none)
					tx.Put(fmt.Sprintf("%d/%d", g, i), nil, at(int64(i+1)))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	n := 0
	_ = t.space("f.stage").View(func(r store.Reader) error {
		v, _ := r.Get("n")
		n = len(v)
		for range r.Due() {
			n++
		}
		return nil
	})
	if want := 2 * each * goroutines; n != want {
		t.Errorf("%d changes and times, want %d", n, want)
	}
}

func (t *storeTest) closed() {
	if !t.c.Lasts {
		return
	}
	s := t.space("f.stage")
	if err := t.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := t.step(s, func(store.Tx) error { return nil }); err == nil {
		t.Error("a step is made after the store was closed")
	}
}
