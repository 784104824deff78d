package deadletter

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEditJSON(t *testing.T) {
	for _, c := range []struct{ in, path, value, want string }{ // a value of "": unset
		{`{"b": 12345678901234567890.5, "a": 1}`, "a", "2", `{"b": 12345678901234567890.5, "a": 2}`},
		{`{"z":1,"a":{ "y" : [1, 2 ,3], "x":18446744073709551617}}`, "a.y.1", `"two"`, `{"z":1,"a":{ "y" : [1, "two" ,3], "x":18446744073709551617}}`},
		{`{}`, "a", "1", `{"a": 1}`},
		{` { "a" : 1 } `, "b.c.d", "[]", ` { "a" : 1, "b": {"c": {"d": []}} } `},
		{`[]`, "0", "1", `[1]`},
		{`[1,2]`, "2", "3", `[1,2, 3]`},
		{`{"a": 1, "b": 2, "c": 3}`, "a", "", `{"b": 2, "c": 3}`},
		{`{"a": 1, "b": 2, "c": 3}`, "b", "", `{"a": 1, "c": 3}`},
		{`{"a": 1, "b": 2, "c": 3}`, "c", "", `{"a": 1, "b": 2}`},
		{`{ "a": 1 }`, "a", "", `{  }`},
		{`{"l": [[1], [2,3]]}`, "l.1.0", "", `{"l": [[1], [3]]}`},
		{`{"ä\u00fc": "\ud83d\ude00 <&>"}`, "ö<", `"é"`, `{"ä\u00fc": "\ud83d\ude00 <&>", "ö<": "é"}`},
		{`{"a": 1, "a": 2}`, "a", "3", "!it has a twice"},
		{`{"a": 1}`, "a.b", "3", "!a: it is no object"},
		{`{"a": [1]}`, "a.x", "3", "!a: a list of 1 elements"},
		{`{"a": [1]}`, "a.2", "3", "!a: a list of 1 elements"},
		{`{"a": 1}`, "b", "", "!there is no b"},
		{`"text"`, "a", "1", "!no object"},
	} {
		var value json.RawMessage
		if c.value != "" {
			value = json.RawMessage(c.value)
		}
		got, err := changeJSON([]byte(c.in), strings.Split(c.path, "."), value)
		if why, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s at %s: %v", c.in, c.path, err)
			}
			continue
		}
		if err != nil || string(got) != c.want || !json.Valid(got) {
			t.Errorf("%s at %s is %s, not %s (%v)", c.in, c.path, got, c.want, err)
		}
	}
}

func FuzzEditJSON(f *testing.F) {
	f.Add(`{"a": {"b": [1, 2]}}`, "a.b.1", "7")
	f.Fuzz(func(t *testing.T, data, path, value string) {
		if !json.Valid([]byte(data)) || !json.Valid([]byte(value)) || !utf8.ValidString(path) {
			return
		}
		parts := strings.Split(path, ".")
		set, err := changeJSON([]byte(data), parts, json.RawMessage(value))
		if err != nil {
			return
		}
		if !json.Valid(set) {
			t.Fatalf("%s at %q with %s is %s", data, path, value, set)
		}
		if unset, err := changeJSON(set, parts, nil); err != nil || !json.Valid(unset) {
			t.Fatalf("%s at %q is %s: %v", set, path, unset, err)
		}
	})
}
