package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// What somebody changes in the text of a letter, and only that, is changed.
func TestDocumentChanges(t *testing.T) {
	m := eip.New([]byte(`{"a": 1}`), nil).WithHeaders(eip.Headers{"x": int32(5), "colon: in": "y", "eip-flow": "orders"})
	m.Type = "order"
	text, err := deadletter.ExportOf(m)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := deadletter.ExportOf(m.WithBody([]byte{0xff, 0}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		of       deadletter.Export
		old, new string
		want     string // as JSON; "!": an error with that in it
	}{
		"nothing":          {text, "", "", "!nothing was changed"},
		"property":         {text, "type: order", "type: bill", `{"set":{"type":"bill"}}`},
		"empty property":   {text, "type: order", "type:", `{"set":{"type":""}}`},
		"header":           {text, `headers.x: {"$int32":"5"}`, `headers.x: {"$int32":"6"}`, `{"set":{"headers.x":{"$int32":"6"}}}`},
		"no JSON":          {text, `headers.x: {"$int32":"5"}`, `headers.x: six`, "!headers.x: its value is no JSON"},
		"another header":   {text, "headers.x: ", "headers.y: true\nheaders.x: ", `{"set":{"headers.y":true}}`},
		"header is gone":   {text, `headers.x: {"$int32":"5"}` + "\n", "", `{"unset":["headers.x"]}`},
		"no property":      {text, "\ntype: ", "\ncolour: red\ntype: ", "!no property colour"},
		"body":             {text, `{"a": 1}`, `{"a": 2}`, `{"body_base64":"eyJhIjogMn0="}`},
		"no body":          {text, `{"a": 1}` + "\n", "", `{"body_base64":""}`},
		"bytes":            {binary, "/wA=", "AAA=", `{"body_base64":"AAA="}`},
		"bytes, no base64": {binary, "/wA=", "!", "!the body"},
	} {
		was := document(c.of)
		if !strings.Contains(string(was), c.old) {
			t.Fatalf("%s: %s is not in %s", name, c.old, was)
		}
		args, err := documentChanges(c.of, was, []byte(strings.Replace(string(was), c.old, c.new, 1)))
		if why, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, %v", name, args, err)
			}
			continue
		}
		if got, _ := json.Marshal(args); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if names := headerNames(text); !slices.Equal(names, []string{"x"}) {
		t.Errorf("%v of %v", names, slices.Collect(maps.Keys(text.Headers)))
	}
}
