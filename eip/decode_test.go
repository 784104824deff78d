package eip_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

func typed(contentType, body string) *eip.Message {
	return eip.New([]byte(body), nil).With(func(m *eip.Message) { m.ContentType = contentType })
}

func TestMessage_Value(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	tests := map[string]struct {
		contentType, body string
		want              any
		err               string
	}{
		"object":              {"application/json", `{"a":[1,-2.5,"x",true,null,{}]}`, map[string]any{"a": []any{1, -2.5, "x", true, nil, map[string]any{}}}, ""},
		"parameters and case": {"Application/JSON; charset=utf-8", ` 7 `, 7, ""},
		"suffix":              {"application/geo+json", `"x"`, "x", ""},
		"text/json":           {"text/json", `[]`, []any{}, ""},
		"largest int":         {"application/json", `9223372036854775807`, math.MaxInt64, ""},
		"smallest int":        {"application/json", `-9223372036854775808`, math.MinInt64, ""},
		"beyond int":          {"application/json", `9223372036854775808`, json.Number("9223372036854775808"), ""},
		"fraction":            {"application/json", `1.0`, json.Number("1.0"), ""},
		"exponent":            {"application/json", `1e3`, json.Number("1e3"), ""},
		"huge number":         {"application/json", `[1e999]`, []any{json.Number("1e999")}, ""},
		"last of equal keys":  {"application/json", `{"a":1,"a":2}`, map[string]any{"a": 2}, ""},

		"unfinished":      {"application/json", `{"a":`, nil, "decode body as application/json: unexpected end of JSON input after byte 5"},
		"empty":           {"application/json", ``, nil, "decode body as application/json: unexpected end of JSON input after byte 0"},
		"wrong":           {"application/json", `{"a":x}`, nil, "decode body as application/json: invalid character 'x' looking for beginning of value at line 1, column 6 (byte 6)"},
		"more follows":    {"application/json", "{} \n{}", nil, "decode body as application/json: something follows the JSON text at line 2, column 1 (byte 5)"},
		"garbage follows": {"application/json", `{}}`, nil, "decode body as application/json: something follows the JSON text at line 1, column 3 (byte 3)"},
		"no UTF-8":        {"application/json", "\"a\xff\"", nil, "decode body as application/json: invalid UTF-8 at line 1, column 3 (byte 3)"},
		"half a pair":     {"application/json", `"a\ud83d\ude00\\u \udc00"`, nil, "decode body as application/json: half of a surrogate pair at line 1, column 19 (byte 19)"},

		"text":             {"text/plain", `{"a":1}`, `{"a":1}`, ""},
		"text, any case":   {"TEXT/csv;header=present", `1`, `1`, ""},
		"bytes":            {"image/png", `1`, []byte(`1`), ""},
		"unstated JSON":    {"", ` {"a":1}`, map[string]any{"a": 1}, ""},
		"unstated text":    {"", `{"a":1`, `{"a":1`, ""},
		"unstated deep":    {"", deep, deep, ""},
		"unstated nothing": {"", ``, ``, ""},
		"unstated bytes":   {"", "\xff", []byte{0xff}, ""},
		"malformed type":   {";", `1`, []byte(`1`), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := typed(tt.contentType, tt.body).Value()
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || !eip.IsInvalid(err) {
					t.Fatalf("got %v, %v, want the invalid-message error %q", got, err, tt.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, %v, want %#v", got, err, tt.want)
			}
		})
	}
}

func TestMessage_Value_RefusesWhatIsNestedTooDeep(t *testing.T) {
	const depth = 1_000_000
	_, err := typed("application/json", strings.Repeat("[", depth)+strings.Repeat("]", depth)).Value()
	if !eip.IsInvalid(err) {
		t.Errorf("got %v", err)
	}
}

func TestMessage_Value_NamesTheContentEncoding(t *testing.T) {
	_, err := typed("application/json", "\x1f\x8b").With(func(m *eip.Message) { m.Encoding = "br" }).Value()
	if err == nil || !strings.Contains(err.Error(), `content encoding is "br"`) {
		t.Errorf("got %v", err)
	}
}

// All copies share one decoded value; another content type makes it void.
func TestMessage_Value_IsDecodedOnce(t *testing.T) {
	m := typed("application/json", `{"a":1}`)
	var wg sync.WaitGroup
	values := make([]any, 8)
	for i := range values {
		wg.Go(func() { values[i], _ = m.WithHeader("n", i).Value() })
	}
	wg.Wait()
	first := reflect.ValueOf(values[0]).Pointer()
	for _, v := range values {
		if reflect.ValueOf(v).Pointer() != first {
			t.Fatal("the body was decoded twice")
		}
	}
	text, err := m.With(func(m *eip.Message) { m.ContentType = "text/plain" }).Value()
	if err != nil || text != `{"a":1}` {
		t.Errorf("as text: %v, %v", text, err)
	}
}

func FuzzMessage_Value(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x"]}`, `[1e5]`, `"\ud800"`, `{`, "\xff", `1 2`, `-0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := typed("application/json", body).Value()
		if err != nil {
			if !eip.IsInvalid(err) {
				t.Fatalf("%v is no invalid-message error", err)
			}
			return
		}
		again, format, err := content.Encode(v)
		if err != nil {
			t.Fatalf("encode %#v: %v", v, err)
		}
		if format != content.JSON { // a string, which is text
			return
		}
		if _, err := typed("application/json", string(again)).Value(); err != nil {
			t.Fatalf("%q became %q: %v", body, again, err)
		}
	})
}
