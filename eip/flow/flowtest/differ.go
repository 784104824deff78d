package flowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/internal/visible"
)

// mostLines is how many lines a difference has, before the rest is counted.
const mostLines = 20

// jsonDifference compares a setting with a body that is JSON.
func jsonDifference(want any, body []byte, compare func(path string, want, got any) []string) []string {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var got any
	err := d.Decode(&got)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			err = nil
		} else if err == nil {
			err = fmt.Errorf("something follows it")
		}
	}
	if err != nil {
		return []string{fmt.Sprintf("body: %s was expected, and it is no JSON: %s", shown(want), clip(string(body)))}
	}
	return few(compare("body", want, got))
}

func few(lines []string) []string {
	if n := len(lines) - mostLines; n > 0 {
		return append(lines[:mostLines:mostLines], fmt.Sprintf("and %d more differences", n))
	}
	return lines
}

// difference says where two values are not equal, path by path. Numbers are equal by
// their value.
func difference(path string, want, got any) (lines []string) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, k := range sorted(over(w, g)) {
			at := member(path, k)
			wv, wanted := w[k]
			gv, there := g[k]
			switch {
			case !there:
				lines = append(lines, fmt.Sprintf("%s: %s was expected, and it is not there", at, shown(wv)))
			case !wanted:
				lines = append(lines, fmt.Sprintf("%s: it was not expected, and is %s", at, shown(gv)))
			default:
				lines = append(lines, difference(at, wv, gv)...)
			}
		}
		return lines
	case []any:
		g, ok := got.([]any)
		if !ok {
			break
		}
		for i := range max(len(w), len(g)) {
			at := fmt.Sprintf("%s[%d]", path, i)
			switch {
			case i >= len(g):
				lines = append(lines, fmt.Sprintf("%s: %s was expected, and it is not there", at, shown(w[i])))
			case i >= len(w):
				lines = append(lines, fmt.Sprintf("%s: it was not expected, and is %s", at, shown(g[i])))
			default:
				lines = append(lines, difference(at, w[i], g[i])...)
			}
		}
		return lines
	}
	if !equal(want, got) {
		lines = append(lines, fmt.Sprintf("%s: %s was expected, %s came", path, shown(want), shown(got)))
	}
	return lines
}

// lacking says what of want is not contained in got, at any depth.
func lacking(path string, want, got any) []string {
	if contains(want, got) {
		return nil
	}
	if lines := within(path, want, got); lines != nil {
		return lines
	}
	return []string{fmt.Sprintf("has: %s is nowhere in the body", shown(want))}
}

// contains reports whether want is within got, or within something in it.
func contains(want, got any) bool {
	if len(within("", want, got)) == 0 {
		return true
	}
	switch g := got.(type) {
	case map[string]any:
		for _, v := range g {
			if contains(want, v) {
				return true
			}
		}
	case []any:
		for _, v := range g {
			if contains(want, v) {
				return true
			}
		}
	}
	return false
}

// within says what of want is not there in got: of an object its members, of a list its
// elements, in any order.
func within(path string, want, got any) (lines []string) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, k := range sorted(w) {
			if gv, there := g[k]; there {
				lines = append(lines, within(member(path, k), w[k], gv)...)
			} else {
				lines = append(lines, fmt.Sprintf("%s: %s was expected, and it is not there", member(path, k), shown(w[k])))
			}
		}
		return lines
	case []any:
		g, ok := got.([]any)
		if !ok {
			break
		}
		for _, v := range w {
			found := false
			for _, gv := range g {
				found = found || len(within(path, v, gv)) == 0
			}
			if !found {
				lines = append(lines, fmt.Sprintf("%s: it has no element %s", path, shown(v)))
			}
		}
		return lines
	}
	return difference(path, want, got)
}

func member(path, key string) string {
	for i, c := range key {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return path + "[" + strconv.Quote(key) + "]"
		}
	}
	return path + "." + key
}

func equal(a, b any) bool {
	x, is := rational(a)
	y, too := rational(b)
	if is && too {
		return x.Cmp(y) == 0
	}
	return is == too && reflect.DeepEqual(a, b)
}

// rational is the value of a number.
func rational(v any) (*big.Rat, bool) {
	const longest, exponent = 1000, 4 // of what is written out
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		text = fmt.Sprint(v)
	case interface{ Rat() *big.Rat }:
		return v.Rat(), true
	default:
		if reflect.ValueOf(v).IsValid() && isDecimal(v) {
			text = fmt.Sprint(v)
		}
	}
	if i := strings.IndexAny(text, "eE"); text == "" || len(text) > longest || i >= 0 && len(text)-i > exponent+1 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// isDecimal reports whether v is a number that has its own type, as exact ones have.
func isDecimal(v any) bool {
	_, text := v.(string)
	_, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	return !text && err == nil
}

// shown is a value as JSON, no longer than a line.
func shown(v any) string {
	body, format, err := content.Encode(v)
	switch {
	case err != nil:
		return clip(fmt.Sprint(v))
	case format == content.Text:
		return strconv.Quote(clip(string(body)))
	}
	return clip(string(body))
}

// clip cuts what people would not read.
func clip(text string) string {
	if !utf8.ValidString(text) {
		return fmt.Sprintf("%d bytes", len(text))
	}
	return visible.Short(text, 200)
}

// textDifference compares texts by lines.
func textDifference(what, want, got string) []string {
	if want == got {
		return nil
	}
	if !utf8.ValidString(got) {
		return []string{fmt.Sprintf("%s: %s was expected, and %d bytes that are no text came", what, strconv.Quote(clip(want)), len(got))}
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(w) == 1 && len(g) == 1 {
		return []string{fmt.Sprintf("%s: %q was expected, %q came", what, clip(want), clip(got))}
	}
	var lines []string
	for i := range max(len(w), len(g)) {
		switch at := fmt.Sprintf("%s line %d", what, i+1); {
		case i >= len(g):
			lines = append(lines, fmt.Sprintf("%s: %q was expected, and it is not there", at, clip(w[i])))
		case i >= len(w):
			lines = append(lines, fmt.Sprintf("%s: it was not expected, and is %q", at, clip(g[i])))
		case w[i] != g[i]:
			lines = append(lines, fmt.Sprintf("%s: %q was expected, %q came", at, clip(w[i]), clip(g[i])))
		}
	}
	return few(lines)
}
