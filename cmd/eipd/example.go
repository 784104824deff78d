package main

import "strings"

// example is a flow file that says in its leading comment what goes in and what must come
// out, as Go's examples do:
//
//	# What it shows.
//	#
//	# Input:
//	#   a line for standard input
//	#
//	# Output:
//	#   a line of standard output
//
// "Unordered output:" is in any order. An example that listens for HTTP at var.listen has
// "Requests:" instead of an input, each as
//
//	#   METHOD /path body
//
// and its output begins with the status and body of each answer.
type example struct {
	source                         []byte
	about, input, requests, output string
	unordered                      bool
}

// exampleOf reads the comment; ok says that it has an output.
func exampleOf(source []byte) (e *example, ok bool) {
	e = &example{source: source}
	section := &e.about
	for line := range strings.Lines(string(source)) {
		text, comment := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#")
		if !comment {
			break
		}
		switch strings.TrimSpace(text) {
		case "Input:":
			section = &e.input
		case "Requests:":
			section = &e.requests
		case "Output:":
			section, ok = &e.output, true
		case "Unordered output:":
			section, ok, e.unordered = &e.output, true, true
		case "": // between two sections
		default:
			if section == &e.about {
				text = "  " + text
			}
			*section += strings.TrimPrefix(text, "   ") + "\n"
		}
	}
	return e, ok
}
