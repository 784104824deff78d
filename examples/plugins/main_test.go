package main

import (
	"context"
	"log"
	"os"
	"strings"
)

func Example() {
	input := `{"plugin": "echo", "text": "as it was"}
{"plugin": "reverse", "text": "drawer"}
{"plugin": "words", "text": "one two three"}
`
	if err := run(context.Background(), strings.NewReader(input), os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// as it was
	// reward
	// 3
}
