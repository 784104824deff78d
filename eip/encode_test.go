package eip_test

import (
	"math"
	"testing"

	"github.com/eipd/eipd/eip"
)

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

func TestMessage_WithValue_RefusesWhatJSONCannotHold(t *testing.T) {
	if _, err := typed("", "old").WithValue(math.NaN(), ""); !eip.IsInvalid(err) {
		t.Errorf("got %v, want an invalid-message error", err)
	}
}
