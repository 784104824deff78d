package eiptest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/store"
)

// A StoreCase is a store to be checked.
type StoreCase struct {
	// Open opens a store that holds what it held when it was closed, and nothing the first
	// time that a test calls it.
	Open func(t *testing.T) store.Store
	// Lasts says that it does hold that.
	Lasts bool
}

// Store checks that a store is what package store says.
func Store(t *testing.T, c StoreCase) {
	for _, test := range []struct {
		name string
		run  func(t *storeTest)
	}{
		{"keeps values and times", (*storeTest).values},
		{"ranges", (*storeTest).ranges},
		{"due", (*storeTest).due},
		{"all steps or none", (*storeTest).atomic},
		{"in order", (*storeTest).inOrder},
		{"a panic fails the step", (*storeTest).panics},
		{"keys that are too long", (*storeTest).longKeys},
		{"any bytes", (*storeTest).anyBytes},
		{"large values", (*storeTest).large},
		{"numbers come once", (*storeTest).numbers},
		{"spaces apart", (*storeTest).apart},
		{"rename", (*storeTest).rename},
		{"views of one moment", (*storeTest).views},
		{"tells of times", (*storeTest).changed},
		{"many at once", (*storeTest).concurrent},
		{"like a map", (*storeTest).likeAMap},
		{"after it is closed", (*storeTest).closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &storeTest{T: t, c: c, store: c.Open(t)}
			test.run(s)
			if err := s.store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type storeTest struct {
	*testing.T
	c     StoreCase
	store store.Store
}

// again closes the store and opens it again, where it lasts.
func (t *storeTest) again() {
	t.Helper()
	if !t.c.Lasts {
		return
	}
	if err := t.store.Close(); err != nil {
		t.Fatal(err)
	}
	t.store = t.c.Open(t.T)
}

func (t *storeTest) space(name string) store.Space {
	t.Helper()
	s, err := t.store.Space(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step makes one step, and returns its error.
func (t *storeTest) step(s store.Space, change func(store.Tx) error) error {
	return store.Do(t.Context(), s, change)
}

func (t *storeTest) put(s store.Space, key, value string, due time.Time) {
	t.Helper()
	err := t.step(s, func(tx store.Tx) error { tx.Put(key, []byte(value), due); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// dump is all that there is in a space.
func (t *storeTest) dump(s store.Space) string {
	t.Helper()
	var b strings.Builder
	err := s.View(func(r store.Reader) error {
		for key, value := range r.Range("", "") {
			_, due := r.Get(key)
			fmt.Fprintf(&b, "%s=%s", key, value)
			if !due.IsZero() {
				fmt.Fprintf(&b, "@%d", due.Unix())
			}
			b.WriteByte(' ')
		}
		for at, key := range r.Due() {
			fmt.Fprintf(&b, "%d:%s ", at.Unix(), key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func (t *storeTest) expect(s store.Space, want string) {
	t.Helper()
	if got := t.dump(s); got != want {
		t.Errorf("%s holds %q, want %q", s.Name(), got, want)
	}
}

var none time.Time

func at(second int64) time.Time { return time.Unix(second, 0) }

func (t *storeTest) values() {
	s := t.space("f.stage")
	t.put(s, "b", "2", at(7))
	t.put(s, "a", "1", none)
	t.put(s, "c", "", none)
	t.put(s, "b", "3", at(5))
	t.expect(s, "a=1 b=3@5 c= 5:b")
	err := s.View(func(r store.Reader) error {
		if v, due := r.Get("none"); v != nil || !due.IsZero() {
			t.Errorf("what is not there is %q, due at %v", v, due)
		}
		if v, _ := r.Get("c"); v == nil {
			t.Error("an empty value is taken for none")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	t.again()
	s = t.space("f.stage")
	if t.c.Lasts {
		t.expect(s, "a=1 b=3@5 c= 5:b")
	}
	t.put(s, "b", "4", none)
	if err := t.step(s, func(tx store.Tx) error { tx.Delete("a"); tx.Delete("none"); return nil }); err != nil {
		t.Error(err)
	}
	t.again()
	if t.c.Lasts {
		t.expect(t.space("f.stage"), "b=4 c=")
	}
}

func (t *storeTest) ranges() {
	s := t.space("f.stage")
	for _, key := range []string{"a", "b", "b1", "b2", "b21", "c", "b\xff", "b\xff\xff"} {
		t.put(s, key, key, none)
	}
	for _, c := range []struct{ prefix, from, want string }{
		{"b", "", `["b" "b1" "b2" "b21" "b\xff" "b\xff\xff"]`}, {"b", "b2", `["b2" "b21" "b\xff" "b\xff\xff"]`}, {"b2", "a", `["b2" "b21"]`},
		{"b\xff", "", `["b\xff" "b\xff\xff"]`}, {"d", "", "[]"}, {"b", "c", "[]"}, {"", "b21", `["b21" "b\xff" "b\xff\xff" "c"]`},
	} {
		keys := []string{}
		_ = s.View(func(r store.Reader) error {
			for key, value := range r.Range(c.prefix, c.from) {
				if key != string(value) {
					t.Errorf("%q has the value %q", key, value)
				}
				keys = append(keys, key)
			}
			return nil
		})
		if got := fmt.Sprintf("%q", keys); got != c.want {
			t.Errorf("the keys that begin with %q, from %q: %s, want %s", c.prefix, c.from, got, c.want)
		}
	}
}

func (t *storeTest) due() {
	s := t.space("f.stage")
	for i, key := range []string{"late", "b", "a", "never", "early", "last"} {
		t.put(s, key, "", []time.Time{at(1 << 33), at(50), at(50), none, time.Unix(-5, 0), at(1 << 40)}[i])
	}
	t.again()
	s = t.space("f.stage")
	if !t.c.Lasts && t.dump(s) == "" {
		return
	}
	t.expect(s, "a=@50 b=@50 early=@0 last=@9223372036 late=@8589934592 never= 0:early 50:a 50:b 8589934592:late 9223372036:last")
}
