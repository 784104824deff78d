package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
)

// Numbers of headers and bodies are shown with all their digits.
func TestDlqShow_Numbers(t *testing.T) {
	v := &dlqShow{}
	_ = v.letter(control.Reply{OK: true, Result: []byte(`{"id": "a1", "headers": {"big": 9007199254740993, "low": -9223372036854775808,
		"all": {"x": [9007199254740993]}, "one": 1.0, "eip-flow": "orders"}, "body": {"big": 9007199254740993, "one": 1.0}}`)})
	var out strings.Builder
	if err := v.end(&dlq{}, &out, control.LettersSeen{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"big  9007199254740993\n", "low  -9223372036854775808\n", `all  {"x": [9007199254740993]}`, "one  1.0\n", `"big": 9007199254740993`, `"one": 1.0`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not shown: %q in\n%s", want, out.String())
		}
	}
}

// A line that is no letter is told by its number.
func TestDlqImport_Line(t *testing.T) {
	err := (&dlq{}).importLetters(&cobra.Command{}, strings.NewReader("\n\n{bad\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Error(err)
	}
}
