package endpoint

import (
	"strings"
	"testing"
)

// What is read is what was given out, and nothing else.
func FuzzIdentifiers(f *testing.F) {
	ids := newIdentifiers()
	given := map[string]uint64{}
	for _, by := range []asking{byCall, bySend, byCollect} {
		n, id := ids.next(by)
		if read, how, ok := ids.read(id); !ok || read != n || how != by {
			f.Errorf("%s is read as %d, %d, %v", id, read, how, ok)
		}
		given[id] = n
		f.Add(id)
		f.Add(strings.ToUpper(id))
	}
	f.Add("")
	f.Add(strings.Repeat("0", 32))
	f.Add("zz" + strings.Repeat("0", 30))
	f.Fuzz(func(t *testing.T, id string) {
		n, _, ok := ids.read(id)
		if was, is := given[strings.ToLower(id)]; ok != is || ok && n != was {
			t.Errorf("%q is read as %d, %v", id, n, ok)
		}
	})
}

func TestRecent(t *testing.T) {
	var r recent
	for n := range uint64(3 * mostRemembered) {
		r.add(n)
		if n%2 == 0 && !r.take(n) || r.take(n) != (n%2 == 1) {
			t.Fatalf("%d is not there, or twice", n)
		}
		r.add(n)
	}
	if len(r.numbers) > mostRemembered || len(r.ring) != mostRemembered || r.has(0) || !r.has(3*mostRemembered-1) {
		t.Errorf("it remembers %d", len(r.numbers))
	}
}
