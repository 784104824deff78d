package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// compare returns what is wrong with got, "" where it is as wanted.
func compare(want file, got string, err error) string {
	if want.mode == "empty" {
		if got != "" {
			return "is\n" + got
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	var same bool
	switch want.mode {
	case "":
		// An archive cannot hold a file whose last line is not ended.
		same = got == string(want.data) || got+"\n" == string(want.data)
	case "unordered":
		g, w := lines(got), lines(string(want.data))
		slices.Sort(g)
		slices.Sort(w)
		same = slices.Equal(g, w)
	case "json", "unordered json":
		g, gotErr := values(got)
		w, wantErr := values(string(want.data))
		if gotErr != nil || wantErr != nil {
			return fmt.Sprintf("is not JSON: %v\n%s", cmpErr(gotErr, wantErr), got)
		}
		if want.mode == "unordered json" {
			slices.SortFunc(g, byText)
			slices.SortFunc(w, byText)
		}
		same = reflect.DeepEqual(g, w)
	default:
		return "has the unknown mode " + want.mode
	}
	if same {
		return ""
	}
	return fmt.Sprintf("is\n%s\nwant\n%s", got, want.data)
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// values reads a JSON value from each line, its numbers as they are written.
func values(s string) ([]any, error) {
	var all []any
	for _, line := range lines(s) {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func byText(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// missing returns the first of the words "a, b|c, !d" that text does not satisfy.
func missing(words, text string) string {
	text = strings.ToLower(text)
	if strings.TrimSpace(words) == "" {
		return ""
	}
	for word := range strings.SplitSeq(words, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		if no, ok := strings.CutPrefix(word, "!"); ok {
			if strings.Contains(text, no) {
				return word
			}
			continue
		}
		if !slices.ContainsFunc(strings.Split(word, "|"), func(w string) bool {
			return strings.Contains(text, w)
		}) {
			return word
		}
	}
	return ""
}

// missingLine returns the first line of words that no line of text satisfies.
func missingLine(want, text string) string {
	for _, words := range lines(want) {
		if no, ok := strings.CutPrefix(words, "!"); ok {
			if strings.Contains(text, no) {
				return words
			}
			continue
		}
		if !slices.ContainsFunc(lines(text), func(line string) bool { return missing(words, line) == "" }) {
			return words
		}
	}
	return ""
}
