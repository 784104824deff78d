package main

import (
	"go/scanner"
	"go/token"
	"os"
	"strings"
	"testing"
)

func Example() {
	os.Args = []string{"rpc", "memory:"}
	main()
	// Output:
	// true
	// true
	// true
	// true
	// true
	// true
	// true
	// true
	// true
	// true
}

// It is as short as in other languages.
func TestMain_IsShort(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	var s scanner.Scanner
	files := token.NewFileSet()
	file := files.AddFile("main.go", -1, len(source))
	s.Init(file, source, nil, 0) // comments are left out
	lines := map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok != token.SEMICOLON || strings.TrimSpace(text) == ";" {
			lines[file.Line(pos)] = true
		}
	}
	if len(lines) > 30 || len(lines) < 20 {
		t.Errorf("it has %d lines", len(lines))
	}
	t.Logf("it has %d lines", len(lines))
}
