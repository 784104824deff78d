package content_test

import (
	"math"
	"testing"

	"github.com/eipd/eipd/eip/content"
)

func TestEncode(t *testing.T) {
	tests := map[string]struct {
		value  any
		want   string
		format content.Format
	}{
		"text":            {`say "hi" <b>`, `say "hi" <b>`, content.Text},
		"bytes":           {[]byte{0xff, 0}, "\xff\x00", content.Binary},
		"nil":             {nil, "null", content.JSON},
		"int":             {math.MaxInt64, "9223372036854775807", content.JSON},
		"float":           {7.5, "7.5", content.JSON},
		"map":             {map[string]any{"b": "<&>", "a": []any{1, nil}}, `{"a":[1,null],"b":"<&>"}`, content.JSON},
		"bytes in a map":  {map[string]any{"raw": []byte("ab")}, `{"raw":"YWI="}`, content.JSON},
		"newline in text": {map[string]any{"a": "x\n"}, `{"a":"x\n"}`, content.JSON},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, format, err := content.Encode(tt.value)
			if err != nil || string(got) != tt.want || format != tt.format {
				t.Errorf("got %q, %v, %v, want %q, %v", got, format, err, tt.want, tt.format)
			}
		})
	}
}

func TestEncode_RefusesWhatJSONCannotHold(t *testing.T) {
	itself := map[string]any{}
	itself["x"] = itself
	for name, v := range map[string]any{"not a number": math.NaN(), "function": func() {}, "itself": itself} {
		if _, _, err := content.Encode(v); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
