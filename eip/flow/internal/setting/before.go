package setting

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// parts are the functions that return a part of what they are given, or next to
// nothing.
var parts = map[string]bool{"element": true, "lookup": true, "length": true, "contains": true, "coalesce": true, "coalescelist": true,
	"env": true, "file": true, "max": true, "min": true, "strlen": true, "tostring": true, "tobool": true}

// before counts what a call will do, before it does it: what all functions take for
// what they are given, and then what some of them take or make beyond that.
func (b *Budget) before(name string, args []cty.Value) {
	in := sizeOf(args...)
	b.Spend(perNode+times(perValue, in.values)+times(perByte, in.bytes), 0)
	if !parts[name] {
		b.Spend(0, times(valueBytes, in.values)+2*in.bytes)
	}
	s := func(i int) string { return textOf(args, i) }
	switch name {
	case "distinct": // each value is compared with each
		b.Spend(times(600, times(1+length(args[0]), in.values)), 0)
	case "merge": // the objects' types are made too
		b.Spend(0, times(2*valueBytes, in.values))
	case "toset", "tolist", "tomap", "coalesce", "coalescelist", "sort":
		n := len(args)
		for _, a := range args {
			n += length(a)
		}
		b.Spend(times(20, square(n)), 0)
	case "trim":
		b.Spend(times(len(s(0)), len(s(1))), 0)
	case "indent":
		b.Spend(0, times(number(args, 0), 1+strings.Count(s(1), "\n")))
	case "replace":
		if s(1) == "" {
			b.Spend(0, times(1+utf8.RuneCountInString(s(0)), len(s(2))))
		} else {
			b.Spend(0, times(strings.Count(s(0), s(1)), len(s(2))))
		}
	case "regex", "regexall", "regexreplace":
		pattern, text := s(0), s(1)
		if name == "regexreplace" {
			pattern, text = s(1), s(0)
		}
		b.regex(pattern, text, s(2))
	case "split":
		n := 1 + strings.Count(s(1), s(0))
		b.Spend(times(perValue, n), times(valueBytes, n))
	case "join":
		b.Spend(0, times(in.values, len(s(0)))+in.bytes)
	case "format", "formatlist":
		b.format(s(0), args)
	case "range":
		b.Spend(0, 1024*valueBytes) // its own limit
	case "jsonencode":
		b.Spend(0, times(6, in.bytes)+times(40, in.values))
	case "jsondecode":
		b.decode(s(0))
	case "csvdecode":
		cells := strings.Count(s(0), ",") + strings.Count(s(0), "\n") + strings.Count(s(0), "\r")
		b.Spend(times(400, cells), times(2*valueBytes, cells))
	case "formatdate":
		b.Spend(0, times(8, len(s(0))))
	case "parseint":
		if len(s(0)) > maxDigits {
			b.fail(hugeNumber)
		}
	}
}

func textOf(args []cty.Value, i int) string {
	if i >= len(args) || args[i].IsNull() || args[i].Type() != cty.String {
		return ""
	}
	return args[i].AsString()
}

// number is an argument that says how often something is made.
func number(args []cty.Value, i int) int {
	if i >= len(args) || args[i].IsNull() {
		return 0
	}
	v, err := (&Budget{steps: MaxSteps, bytes: MaxBytes}).Convert(args[i], cty.Number)
	if err != nil {
		return 0
	}
	f, _ := v.AsBigFloat().Float64()
	return int(max(0, min(f, MaxSteps)))
}

// regex counts matches: each instruction of the pattern may look at each byte, and
// each byte may be a match with all of its groups.
func (b *Budget) regex(pattern, text, by string) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return // the function says it
	}
	n := instructions(re)
	b.Spend(times(1000, n), times(400, n))
	b.Spend(times(10, times(n, len(text))), times(n/4, 16))
	matches := 1 + len(text)
	if min := shortest(re); min > 0 {
		matches = 1 + len(text)/min
	}
	b.Spend(times(perValue, matches), times(300+valueBytes*re.MaxCap(), matches))
	b.Spend(0, times(matches, len(by))+times(strings.Count(by, "$"), len(text)))
}

// instructions is about how many a pattern compiles to: a{1000} is a thousand.
func instructions(re *syntax.Regexp) int {
	n := 2 + len(re.Rune)
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n = times(n, max(1, re.Min, re.Max))
	}
	return n
}

// shortest is how many bytes a match has at least.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return times(re.Min, shortest(re.Sub[0]))
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n += shortest(sub)
		}
		return n
	case syntax.OpAlternate:
		n := shortest(re.Sub[0])
		for _, sub := range re.Sub {
			n = min(n, shortest(sub))
		}
		return n
	}
	return 0
}

// format counts what the verbs of a format make: each may show the largest value,
// with as many blanks or digits as it says.
func (b *Budget) format(format string, args []cty.Value) {
	verbs, widths, largest, lists := strings.Count(format, "%"), 0, 0, 1
	for i, width := 0, 0; i <= len(format); i++ {
		if i < len(format) && '0' <= format[i] && format[i] <= '9' {
			width = min(width*10+int(format[i]-'0'), MaxSteps)
			continue
		}
		widths, width = min(widths+width, MaxSteps), 0
	}
	for i, a := range args {
		if i == 0 {
			continue
		}
		if text := textOf(args, i); !isSane(text) {
			b.fail(hugeNumber)
		}
		s := sizeOf(a)
		largest = max(largest, 6*s.bytes+40*s.values)
		if !a.IsNull() && a.CanIterateElements() {
			lists = max(lists, a.LengthInt())
			if b.insane(a) {
				b.fail(hugeNumber)
			}
		}
	}
	made := times(lists, len(format)+widths+times(verbs, largest))
	b.Spend(made, made)
}

// insane reports whether a list holds texts that would be numbers of any size.
func (b *Budget) insane(v cty.Value) bool {
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); !e.IsNull() && e.Type() == cty.String && !isSane(e.AsString()) {
			return true
		}
	}
	return false
}

// decode counts the values in a text of JSON, and refuses what is nested so deep
// that it would end the process.
func (b *Budget) decode(text string) {
	values, depth, digits := 1, 0, 0
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		}
		if strings.IndexByte(",[{:", c) >= 0 {
			values++
		}
		if ('0' <= c && c <= '9' || c == '.') && !quoted {
			digits++
		} else {
			if c|0x20 == 'e' && digits > 0 && !quoted && !isSane("1"+exponent(text[i:])) || digits > maxDigits {
				b.fail(hugeNumber)
			}
			digits = 0
		}
		if depth > maxDepth {
			b.fail("100 brackets in each other")
		}
	}
	b.Spend(times(400, values), times(2*valueBytes, values))
}

const maxDepth = 100

// exponent is the part of a number that a text begins with.
func exponent(text string) string {
	end := 1 + len(text[1:]) - len(strings.TrimLeft(text[1:], "+-0123456789"))
	return text[:end]
}
