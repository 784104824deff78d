package endpoint

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
)

func TestReadAnswer(t *testing.T) {
	tests := map[string]struct {
		line string
		want answer
	}{
		"nothing changes":  {`{"id":7,"ok":true}`, answer{}},
		"blanks":           {" { \"ok\" : true , \"id\" : 7 } \r\n", answer{}},
		"object":           {`{"id":7,"ok":true,"body":{"b":1.0,"a":12345678901234567890}}`, answer{changes: changes{body: json.RawMessage(`{"b":1.0,"a":12345678901234567890}`)}}},
		"null is a body":   {`{"id":7,"ok":true,"body":null}`, answer{changes: changes{body: json.RawMessage("null")}}},
		"text":             {`{"id":7,"ok":true,"body":"a\nb ☃"}`, answer{changes: changes{body: "a\nb ☃"}}},
		"bytes":            {`{"id":7,"ok":true,"body_base64":"/wA="}`, answer{changes: changes{body: []byte{0xff, 0}}}},
		"headers":          {`{"id":7,"ok":true,"headers":{"n":1,"big":18446744073709551615,"t":{"x":[1.5]},"gone":null}}`, answer{changes: changes{headers: eip.Headers{"n": 1, "big": uint64(1<<64 - 1), "t": eip.Headers{"x": []any{1.5}}, "gone": nil}}}},
		"headers of ours":  {`{"id":7,"ok":true,"headers":{"eip-reason":"x","EIP-Test":"y","a":"b"}}`, answer{changes: changes{headers: eip.Headers{"a": "b"}}}},
		"dropped":          {`{"id":7,"ok":true,"drop":true}`, answer{drop: true}},
		"not dropped":      {`{"id":7,"ok":true,"drop":false,"body":1}`, answer{changes: changes{body: json.RawMessage("1")}}},
		"sends":            {`{"id":7,"ok":true,"send":[{"to":"queue.a"},{"to":"queue.b","body":"x","headers":{"h":true}}]}`, answer{send: []outgoing{{to: "queue.a"}, {changes{"x", eip.Headers{"h": true}}, "queue.b"}}}},
		"sends, and drops": {`{"id":7,"ok":true,"send":[{"to":"queue.a","body_base64":"AA=="}],"drop":true}`, answer{drop: true, send: []outgoing{{changes{body: []byte{0}}, "queue.a"}}}},
		"sends nothing":    {`{"id":7,"ok":true,"send":[]}`, answer{}},
	}
	for name, tt := range tests {
		got, err := readAnswer([]byte(tt.line), 7)
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestReadAnswer_Failures(t *testing.T) {
	tests := map[string]struct {
		line, want         string
		permanent, invalid bool
	}{
		"passing":   {`{"id":7,"error":"busy"}`, "the worker failed: busy", false, false},
		"not ok":    {`{"id":7,"ok":false,"error":"busy"}`, "the worker failed: busy", false, false},
		"permanent": {`{"id":7,"permanent":"no such order"}`, "the worker failed: no such order", true, false},
		"invalid":   {`{"id":7,"invalid":"no order"}`, "the worker failed: no order", true, true},
		"lines":     {`{"id":7,"error":"Traceback:\n  line 1\n"}`, "the worker failed: Traceback: line 1", false, false},
		"none":      {`{"id":7,"error":""}`, "the worker failed: it gives no reason", false, false},
		"long":      {`{"id":7,"error":"` + strings.Repeat("ä", 1000) + `"}`, "the worker failed: " + strings.Repeat("ä", 512), false, false},
	}
	for name, tt := range tests {
		got, err := readAnswer([]byte(tt.line), 7)
		if err != nil || got.failure == nil || got.failure.Error() != tt.want || eip.IsPermanent(got.failure) != tt.permanent || eip.IsInvalid(got.failure) != tt.invalid {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

var garbage = []string{
	``, "\n", `hello`, `7`, `null`, `[]`, `{`, `{"id":7,"ok":true`, `{"id":7,"ok":true}}`, `{"id":7,"ok":true} {}`, `{"id":7,"ok":true,}`, `{7:8}`,
	`{"id":8,"ok":true}`, `{"id":"7","ok":true}`, `{"id":7.0,"ok":true}`, `{"id":7,"id":8,"ok":true}`, `{"ok":true}`,
	`{"id":7}`, `{"id":7,"ok":false}`, `{"id":7,"ok":1}`, `{"id":7,"ok":null}`, `{"id":7,"ok":false,"body":1}`, `{"id":7,"body":1}`,
	`{"id":7,"ok":true,"error":"x"}`, `{"id":7,"error":"x","permanent":"y"}`, `{"id":7,"error":"x","body":1}`, `{"id":7,"error":7}`, `{"id":7,"invalid":null}`,
	`{"id":7,"ok":true,"body":1,"body_base64":"AA=="}`, `{"id":7,"ok":true,"body_base64":"A"}`, `{"id":7,"ok":true,"body_base64":1}`, `{"id":7,"ok":true,"body":"\ud800"}`,
	`{"id":7,"ok":true,"drop":true,"body":1}`, `{"id":7,"ok":true,"drop":true,"headers":{}}`, `{"id":7,"ok":true,"drop":"yes"}`,
	`{"id":7,"ok":true,"headers":null}`, `{"id":7,"ok":true,"headers":[]}`, `{"id":7,"ok":true,"headers":{"n":1e400}}`,
	`{"id":7,"ok":true,"send":null}`, `{"id":7,"ok":true,"send":{}}`, `{"id":7,"ok":true,"send":[1]}`, `{"id":7,"ok":true,"send":[{}]}`, `{"id":7,"ok":true,"send":[{"to":7}]}`,
	`{"id":7,"ok":true,"send":[{"to":"a","type":"x"}]}`, `{"id":7,"ok":true,"send":[{"to":"a","body":1,"body_base64":""}]}`,
	`{"id":7,"OK":true}`, `{"id":7,"ok":true,"Body":1}`, `{"id":7,"ok":true,"more":1}`, "{\"id\":7,\"ok\":true,\"body\":\"\xff\"}",
	`{"id":7,"ok":true,"body":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	`{"id":7,"ok":true,"body":[` + strings.Repeat("[],", 3<<20) + `[]]}`,
}

func TestReadAnswer_Garbage(t *testing.T) {
	for _, line := range garbage {
		if got, err := readAnswer([]byte(line), 7); err == nil {
			t.Errorf("%.100q is taken as %+v", line, got)
		} else if len(err.Error()) > 300 {
			t.Errorf("%.100q: the error has %d bytes", line, len(err.Error()))
		}
	}
}

// What is an answer can be carried out, whatever it says.
func FuzzReadAnswer(f *testing.F) {
	for _, line := range garbage {
		if len(line) < 200 {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte(`{"id":7,"ok":true,"body":{"a":[1.0]},"headers":{"a":null,"b":{"c":[1]}},"send":[{"to":"a","body":"x"}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := readAnswer(line, 7)
		if err != nil {
			return
		}
		for _, c := range append([]outgoing{{changes: a.changes}}, a.send...) {
			m, err := c.of(eip.New([]byte("x"), nil))
			if err != nil {
				t.Fatal(err)
			}
			if m.Size() < 0 || m.Headers["eip-reason"] != nil {
				t.Error(fmt.Sprint(m.Headers))
			}
			if m.ContentType == "application/json" && !json.Valid(m.Body()) {
				t.Errorf("the body %q is no JSON", m.Body())
			}
		}
	})
}
