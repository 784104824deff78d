// Package footprint tells what JSON will take in memory before it is decoded: some
// forty times as much as the text, at worst.
package footprint

import (
	"bytes"
	"fmt"
)

// Most is what the decoded parts of one body may take, together.
const Most = 192 << 20

// ErrMost is what is refused with that would take more.
var ErrMost = fmt.Errorf("decoded it takes more than %d MiB", Most>>20)

// What a value takes beside its text, with room for lists that grow.
const (
	perComma  = 32
	perList   = 40
	perMap    = 48
	perFilled = 288 // of a map that is not empty
	perText   = 16
)

// Of is about what a JSON text takes when it is decoded.
func Of(src []byte) int {
	n := len(src) + perComma
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"':
			n += perText
			for i++; ; i++ {
				next := bytes.IndexAny(src[min(i, len(src)):], `"\`)
				if next < 0 {
					return n
				}
				if i += next; src[i] == '"' {
					break
				}
				i++
			}
		case ',', ':':
			n += perComma
		case '[':
			n += perList
		case '{':
			n += perMap
			if i+1 < len(src) && src[i+1] != '}' {
				n += perFilled
			}
		}
	}
	return n
}
