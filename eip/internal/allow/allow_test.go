package allow_test

import (
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/allow"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"queue.a"}, ""},
		{[]string{"queue.a", "topic.a", "adapter.a"}, ""},
		{[]string{"queue.a", ""}, `allow: the name "" is empty or comes twice`},
		{[]string{"queue.a", "queue.b", "queue.a"}, `allow: the name "queue.a" is empty or comes twice`},
	} {
		var targets []eip.Target
		for _, n := range test.names {
			targets = append(targets, eip.Target{Name: n})
		}
		got := ""
		if err := allow.Check(targets); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.names, got, test.want)
		}
		for i, n := range test.names {
			if at := allow.Index(targets, n); at > i || at < 0 || targets[at].Name != n {
				t.Errorf("%q: %q is at %d", test.names, n, at)
			}
		}
		if at := allow.Index(targets, "queue.c"); at != -1 {
			t.Errorf("%q: what is not there is at %d", test.names, at)
		}
	}
}
