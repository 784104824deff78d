package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/internal/nearest"
)

// headerTypes read what stands behind the = of a header.
var headerTypes = map[string]func(string) (any, error){
	"string": func(s string) (any, error) { return s, nil },
	"int":    func(s string) (any, error) { return strconv.ParseInt(s, 10, 64) },
	"float":  func(s string) (any, error) { return strconv.ParseFloat(s, 64) },
	"bool":   func(s string) (any, error) { return strconv.ParseBool(s) },
	"time":   func(s string) (any, error) { return time.Parse(time.RFC3339, s) },
	"bytes":  func(s string) (any, error) { return base64.StdEncoding.DecodeString(s) },
	"null": func(s string) (any, error) {
		if s != "" {
			return nil, errors.New("it has a value")
		}
		return nil, nil
	},
}

// header reads name=value and name:type=value. Errors say no value, which may be a
// secret.
func header(text string) (name string, value any, err error) {
	name, raw, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", nil, errors.New("is written name=value, or name:type=value")
	}
	kind := "string"
	if at := strings.LastIndex(name, ":"); at >= 0 {
		name, kind = name[:at], name[at+1:]
	}
	read := headerTypes[kind]
	switch {
	case read == nil:
		types := slices.Sorted(maps.Keys(headerTypes))
		return "", nil, fmt.Errorf("%s: there is no type %q%s; a name with a colon is written with its type, as in a:b:string=…", name, kind, nearest.Hint(kind, types))
	case name == "":
		return "", nil, errors.New("has a type and no name")
	}
	if value, err = read(raw); err != nil {
		return "", nil, fmt.Errorf("%s: this is no %s", name, kind)
	}
	return name, value, nil
}
