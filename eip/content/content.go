// Package content knows what bodies are: their formats ([FormatOf]), their content
// codings ([Codings]), how JSON is read and written ([DecodeJSON], [Encode]), and which
// numbers keep all of their digits ([ParseNumber]). It says nothing about whose fault
// an error is; package eip marks those that make a message invalid.
package content

import (
	"fmt"
	"strings"
)

// A Format is how the bytes of a body are read.
type Format int

// The formats.
const (
	Unstated Format = iota // JSON where it is valid JSON, else text where it is UTF-8, else bytes
	JSON                   // application/json, text/json, and all types that end in +json
	Text                   // any other text type
	Binary                 // anything else
)

// FormatOf tells the format from a content type.
func FormatOf(contentType string) Format {
	if contentType == "" {
		return Unstated
	}
	base, _, _ := strings.Cut(contentType, ";")
	base = strings.TrimSpace(base)
	switch {
	case strings.EqualFold(base, "application/json"), strings.EqualFold(base, "text/json"),
		len(base) > 5 && strings.EqualFold(base[len(base)-5:], "+json"):
		return JSON
	case len(base) > 5 && strings.EqualFold(base[:5], "text/"):
		return Text
	}
	return Binary
}

// MayBeJSON is why a body of a content type is none; nil where it is JSON, or does not say
// what it is.
func MayBeJSON(contentType string) error {
	if f := FormatOf(contentType); f == JSON || f == Unstated {
		return nil
	}
	return fmt.Errorf("the body is %.100q, and no JSON", contentType)
}
