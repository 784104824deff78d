package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// objectArgs are arguments that are objects, of which words may give single members.
var objectArgs = map[string]string{"inject": "headers", "apply": "vars", "letters_edit": "set"}

// controlArgs reads what follows a command: a target, which holds no "=", and
// arguments.
func controlArgs(command string, words []string) (target string, args map[string]any, err error) {
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		target, words = words[0], words[1:]
	}
	args = map[string]any{}
	for _, word := range words {
		name, text, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return "", nil, fmt.Errorf("%s is no argument; write it as name=value", word)
		}
		if err := controlArg(args, objectArgs[command], name, text); err != nil {
			return "", nil, err
		}
	}
	if len(args) == 0 {
		args = nil
	}
	return target, args, nil
}

func controlArg(args map[string]any, object, name, text string) error {
	if name == "body" {
		return bodyArg(args, text)
	}
	value := typed(text)
	if of, member, ok := strings.Cut(name, "."); ok && of == object && member != "" {
		if args[of] == nil {
			args[of] = map[string]any{}
		}
		members, ok := args[of].(map[string]any)
		if !ok {
			return fmt.Errorf("%s cannot be added to %s, which are no object", name, of)
		}
		if of == "vars" {
			value = text // the process reads it as it reads that of --var
		}
		args, name = members, member
	}
	if _, twice := args[name]; twice {
		return fmt.Errorf("%s is given twice", name)
	}
	args[name] = value
	return nil
}

// bodyArg takes a message's body byte for byte, and notes that it is JSON where it
// is an object or a list.
func bodyArg(args map[string]any, text string) error {
	if args["body"] != nil {
		return fmt.Errorf("body is given twice")
	}
	if file, isFile := strings.CutPrefix(text, "@"); isFile {
		b, err := os.ReadFile(file)
		if err != nil {
			return failure{exitFailed, err}
		}
		text = string(b)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("a body on the control bus is text in UTF-8; eipd send takes any")
	}
	args["body"] = text
	if begins := strings.TrimLeft(text, " \t\r\n"); begins != "" && (begins[0] == '{' || begins[0] == '[') && json.Valid([]byte(text)) && args["content_type"] == nil {
		args["content_type"] = "application/json"
	}
	return nil
}

// typed reads a value as JSON where it is that, and else as a string.
func typed(text string) any {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // as it is written
	if d.Decode(&v) != nil {
		return text
	}
	if _, err := d.Token(); err != io.EOF {
		return text
	}
	return v
}
