package routing

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The blanks that go are those that encoding/json takes away.
func TestAppendCompact(t *testing.T) {
	for _, text := range []string{`{}`, ` [ 1 , 2.50 ] `, "{\"a\" :\n\t{ \"b c\":\" \\\" \\\\\" , \"d\": \"\\\\\"}}\r\n", `"é \u2028 <&>"`, `null`, `"\\" `} {
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := appendCompact([]byte("x"), []byte(text)); string(got) != "x"+want.String() {
			t.Errorf("%q became %q, want %q", text, got[1:], want.String())
		}
	}
}
