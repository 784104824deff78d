package eip_test

import (
	"math"
	"testing"

	"github.com/eipd/eipd/eip"
)

func TestEncodeBody(t *testing.T) {
	tests := map[string]struct {
		value  any
		want   string
		format eip.Format
	}{
		"text":            {`say "hi" <b>`, `say "hi" <b>`, eip.FormatText},
		"bytes":           {[]byte{0xff, 0}, "\xff\x00", eip.FormatBinary},
		"nil":             {nil, "null", eip.FormatJSON},
		"int":             {math.MaxInt64, "9223372036854775807", eip.FormatJSON},
		"float":           {7.5, "7.5", eip.FormatJSON},
		"map":             {map[string]any{"b": "<&>", "a": []any{1, nil}}, `{"a":[1,null],"b":"<&>"}`, eip.FormatJSON},
		"bytes in a map":  {map[string]any{"raw": []byte("ab")}, `{"raw":"YWI="}`, eip.FormatJSON},
		"newline in text": {map[string]any{"a": "x\n"}, `{"a":"x\n"}`, eip.FormatJSON},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, format, err := eip.EncodeBody(tt.value)
			if err != nil || string(got) != tt.want || format != tt.format {
				t.Errorf("got %q, %v, %v, want %q, %v", got, format, err, tt.want, tt.format)
			}
		})
	}
}

func TestEncodeBody_RefusesWhatJSONCannotHold(t *testing.T) {
	itself := map[string]any{}
	itself["x"] = itself
	for name, v := range map[string]any{"not a number": math.NaN(), "function": func() {}, "itself": itself} {
		if _, _, err := eip.EncodeBody(v); !eip.IsInvalid(err) {
			t.Errorf("%s: got %v, want an invalid-message error", name, err)
		}
	}
}

func TestMessage_WithValue(t *testing.T) {
	tests := map[string]struct {
		was, set string
		value    any
		want     string
	}{
		"text for JSON":      {"application/json", "", "x", "text/plain; charset=utf-8"},
		"text for text":      {"text/html", "", "x", "text/html"},
		"text for none":      {"", "", "x", ""},
		"bytes for an image": {"image/png", "", []byte("x"), "application/octet-stream"},
		"bytes for none":     {"", "", []byte("x"), ""},
		"JSON for text":      {"text/plain", "", 1, "application/json"},
		"JSON for none":      {"", "", 1, "application/json"},
		"set":                {"application/json", "text/csv", "x", "text/csv"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := typed(tt.was, "old").With(func(m *eip.Message) { m.Encoding = "gzip" })
			got, err := m.WithValue(tt.value, tt.set)
			if err != nil || got.ContentType != tt.want || got.Encoding != "" {
				t.Errorf("got %q, encoding %q, %v, want %q", got.ContentType, got.Encoding, err, tt.want)
			}
			if m.ContentType != tt.was || m.Encoding != "gzip" || string(m.Body()) != "old" {
				t.Error("the message was changed")
			}
		})
	}
}
