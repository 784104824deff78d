package main

import (
	"reflect"
	"testing"
)

func TestUnmapProgram(t *testing.T) {
	code := programCode()
	here := reflect.ValueOf(unmapProgram).Pointer()
	found := false
	for _, pages := range code {
		from := reflect.ValueOf(pages).Pointer()
		found = found || from <= here && here < from+uintptr(len(pages))
	}
	if !found {
		t.Fatalf("of %d ranges of pages none holds a function of the program", len(code))
	}
	unmapProgram()
	if programCode() == nil { // which runs on pages that have come back
		t.Error("the program's code is gone")
	}
}
