package content_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/content"
)

func elements(body string, path ...string) ([]string, error) {
	n, all, err := content.Elements([]byte(body), path)
	if err != nil {
		return nil, err
	}
	got := []string{}
	for e := range all {
		got = append(got, string(e))
	}
	if len(got) != n {
		err = fmt.Errorf("%d elements, and %d are counted", len(got), n)
	}
	return got, err
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		body, path string
		want       []string
	}{
		{`[]`, "", nil},
		{" [ ] \n", "", nil},
		{`[1,"a,]\"\\",{"b":[2,3]} , [ ] ,null,true,-1.50e3]`, "", []string{"1", `"a,]\"\\"`, `{"b":[2,3]}`, "[ ]", "null", "true", "-1.50e3"}},
		{"[\n 1 ,\r\n\t2\n]", "", []string{"1", "2"}},
		{`{"x":{"items":[9]},"items":[1,2]}`, "items", []string{"1", "2"}},
		{`{"a":"}","order" : { "n":[{}], "lines" : [ "x" ] } }`, "order.lines", []string{`"x"`}},
		{`{"items":[1],"items":[2]}`, "items", []string{"2"}},
		{`{"\u0069tems":[3]}`, "items", []string{"3"}},
		{`{"items\\":[4],"items":[]}`, "items", nil},
	} {
		var path []string
		if c.path != "" {
			path = strings.Split(c.path, ".")
		}
		if got, err := elements(c.body, path...); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", append([]string{}, c.want...)) {
			t.Errorf("%s at %q: %q, %v", c.body, c.path, got, err)
		}
	}
}

func TestElements_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ body, path, want string }{
		{"", "", "unexpected end of JSON input"},
		{"[1,\n2,,3]", "", "line 2, column 3 (byte 7)"},
		{"[1,2", "", "unexpected end of JSON input"},
		{"[1] 2", "", "(byte 5)"},
		{"[\"\xff\"]", "", "invalid UTF-8 at line 1, column 3 (byte 3)"},
		{`["\ud800"]`, "", "half of a surrogate pair"},
		{strings.Repeat("[", 20_000), "", "depth"},
		{`{"a":[]}`, "", "body is a map and no list"},
		{`7`, "", "body is a number and no list"},
		{`{"a":"x"}`, "a", "body.a is text and no list"},
		{`{"a":null}`, "a", "body.a is nil and no list"},
		{`{"a":[]}`, "b", "body has no member b"},
		{`{"a":[{"b":[]}]}`, "a.b", "body.a is a list and has no member b"},
	} {
		var path []string
		if c.path != "" {
			path = strings.Split(c.path, ".")
		}
		if got, err := elements(c.body, path...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s at %q: %q, %v; want %q", c.body, c.path, got, err, c.want)
		}
	}
}

// Whatever encoding/json reads, it is the same.
func TestElements_AsDecoded(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	var value func(depth int) any
	value = func(depth int) any {
		switch r.IntN(6 - min(2, 2*(2-min(2, depth)))) {
		case 0:
			return r.Float64()
		case 1:
			return strings.Repeat(`"]}\,[{ü`, r.IntN(3))
		case 2:
			return nil
		case 3:
			return r.IntN(2) == 0
		case 4:
			var l []any
			for range r.IntN(4) {
				l = append(l, value(depth-1))
			}
			return l
		}
		m := map[string]any{}
		for i := range r.IntN(4) {
			m[strings.Repeat(`"k\`, i)] = value(depth - 1)
		}
		return m
	}
	for range 2000 {
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = value(3)
		}
		body, err := json.Marshal(map[string]any{"a": value(3), "list": list, "z": value(3)})
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			var b bytes.Buffer
			_ = json.Indent(&b, body, "\t", " ")
			body = b.Bytes()
		}
		got, err := elements(string(body), "list")
		if err != nil || len(got) != len(list) {
			t.Fatalf("%s: %q, %v", body, got, err)
		}
		for i, e := range got {
			var was any
			if err := json.Unmarshal([]byte(e), &was); err != nil || fmt.Sprint(was) != fmt.Sprint(decoded(list[i])) {
				t.Fatalf("element %d of %s is %s", i, body, e)
			}
		}
	}
}

func decoded(v any) (same any) {
	text, _ := json.Marshal(v)
	_ = json.Unmarshal(text, &same)
	return same
}

// Nothing of a list is decoded, however long it is.
func TestElements_TakeNoMemory(t *testing.T) {
	body := []byte("[" + strings.Repeat(`{"sku":"a-1","n":[1,2,3]},`, 400_000) + "0]")
	before, after := runtime.MemStats{}, runtime.MemStats{}
	runtime.ReadMemStats(&before)
	n, all, err := content.Elements(body, nil)
	if err != nil || n != 400_001 {
		t.Fatal(n, err)
	}
	for range all {
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<10 {
		t.Errorf("it takes %d bytes for a body of %d", took, len(body))
	}
}

func BenchmarkElements(b *testing.B) {
	body := []byte("[" + strings.Repeat(`{"sku":"a-1","quantity":3,"note":"a line of an order"},`, 20_000) + "0]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		_, all, err := content.Elements(body, nil)
		if err != nil {
			b.Fatal(err)
		}
		for range all {
		}
	}
}
