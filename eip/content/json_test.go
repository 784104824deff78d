package content_test

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/content"
)

// What is wrong with a text is said so that one can find it.
func TestDecodeJSON_SaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "unexpected end of JSON input",
		"{\"a\":\n x}":           "line 2, column 2 (byte 8)",
		"\ufeff{\"a\": 1}":       "it begins with a byte order mark, which JSON may not have",
		"{\"a\": \"\ufeff\", x}": "line 1, column 12 (byte 14)",
	} {
		_, err := content.DecodeJSON([]byte(text))
		checked := content.CheckJSON([]byte(text))
		if err == nil || checked == nil || !strings.Contains(err.Error(), want) || !strings.Contains(checked.Error(), want) {
			t.Errorf("%q: %v, and %v, want %q", text, err, checked, want)
		}
	}
}
