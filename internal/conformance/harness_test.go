package conformance

import (
	"fmt"
	"slices"
	"testing"
)

// The tests here hold the harness itself to doc.go, so that a case that cannot
// fail is noticed.

func TestMarks(t *testing.T) {
	c := &testCase{
		files: []file{{name: "flow.hcl", data: []byte(`flwo "f" {
#^ did you mean
  from = queue.ordrs
# ^      ^? orders
}
`)}},
		want: []file{{name: "errors", data: []byte("flow.hcl:3:*|b.hcl:1:2: words, !other\n")}},
	}
	var got []string
	for _, m := range c.marks(t) {
		got = append(got, fmt.Sprint(m.places, m.group, "/", m.words))
	}
	want := []string{
		"[flow.hcl:1:1]/did you mean",
		"[flow.hcl:3:3 flow.hcl:3:10]orders/orders",
		"[flow.hcl:3:0 b.hcl:1:2]/words, !other",
	}
	if !slices.Equal(got, want) {
		t.Errorf("marks are %q, want %q", got, want)
	}
}

func TestHeadlines(t *testing.T) {
	report := `flow.hcl:3:10: error: Unknown queue
  3 |   from = queue.ordrs
  as in other.hcl:1:2
Error: conf/b.hcl.json:7:1: Another, see flow.hcl:9:9
`
	if got := fmt.Sprint(headlines(report)); got != "[flow.hcl:3:10 conf/b.hcl.json:7:1]" {
		t.Errorf("headlines are %s", got)
	}
}

func TestWithoutSource(t *testing.T) {
	c := &testCase{files: []file{{name: "flow.hcl", data: []byte("  from = queue.ordrs\n")}}}
	for _, line := range []string{"  from = queue.ordrs", " 12 |   from = queue.ordrs", "from = queue.ordrs"} {
		if got := withoutSource(c, line); got != "" {
			t.Errorf("%q was kept", line)
		}
	}
	if withoutSource(c, "from = queue.ordrs is wrong") == "" {
		t.Error("prose was dropped")
	}
}

func TestMissing(t *testing.T) {
	for _, test := range []struct{ words, text, want string }{
		{"", "anything", ""},
		{"did you mean, Queue", "Did you mean queue.orders?", ""},
		{"topic", "a queue", "topic"},
		{"topic|queue", "a queue", ""},
		{"a, !secret", "a secret", "!secret"},
	} {
		if got := missing(test.words, test.text); got != test.want {
			t.Errorf("missing(%q, %q) is %q, want %q", test.words, test.text, got, test.want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		mode, want, got string
		same            bool
	}{
		{"", "a\nb\n", "a\nb\n", true},
		{"", "a\nb\n", "a\nb", true},
		{"", "a\nb\n", "a\nb\n\n", false},
		{"", "a\nb\n", "b\na\n", false},
		{"unordered", "a\nb\n", "b\na\n", true},
		{"unordered", "a\nb\n", "b\na\na\n", false},
		{"json", "{\"a\": 1, \"b\": 2}\n", "{\"b\":2,\"a\":1}\n", true},
		{"json", "{\"a\": 1}\n", "{\"a\":1.0}\n", false},
		{"json", "[1]\n[2]\n", "[2]\n[1]\n", false},
		{"unordered json", "[1]\n[2]\n", "[2]\n[1]\n", true},
		{"empty", "", "", true},
		{"empty", "", "a\n", false},
	} {
		d := compare(file{mode: test.mode, data: []byte(test.want)}, test.got, nil)
		if (d == "") != test.same {
			t.Errorf("compare (%s) %q with %q: %q", test.mode, test.got, test.want, d)
		}
	}
}
