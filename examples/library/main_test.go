package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader("urgent: the house burns\nsome day: paint it\nurgent: water\n")
	if err := run(t.Context(), in, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "URGENT: THE HOUSE BURNS\nURGENT: WATER\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
