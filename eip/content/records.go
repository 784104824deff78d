package content

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"unicode/utf8"
)

// AppendText appends a text as JSON.
func AppendText[T string | []byte](b []byte, text T) []byte {
	plain := true
	for i := 0; i < len(text) && plain; i++ {
		plain = text[i] >= ' ' && text[i] != '"' && text[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), text...), '"')
	}
	quoted, _ := json.Marshal(string(text))
	return append(b, quoted...)
}

// byteOrderMark is no part of what it stands before.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Lines returns how many lines a text has, and these without their ends, parts of body.
func Lines(body []byte) (n int, lines iter.Seq[[]byte]) {
	body = bytes.TrimPrefix(body, byteOrderMark)
	n = bytes.Count(body, []byte("\n"))
	if len(body) > 0 && body[len(body)-1] != '\n' {
		n++
	}
	return n, linesOf(body)
}

func linesOf(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(bytes.TrimPrefix(body, byteOrderMark)) {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
			if !yield(line[:len(line):len(line)]) {
				return
			}
		}
	}
}

// JSONLines returns how many lines of a text are not blank, and these, of which each is
// JSON.
func JSONLines(body []byte) (n int, all iter.Seq[[]byte], err error) {
	all = func(yield func([]byte) bool) {
		for line := range linesOf(body) {
			if line = bytes.Trim(line, " \t\r"); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
	number := 0
	for line := range linesOf(body) {
		number++
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		if err := CheckJSON(line); err != nil {
			return 0, nil, fmt.Errorf("line %d: %w", number, err)
		}
		n++
	}
	return n, all, nil
}

// CSV returns how many records a CSV text has below the names of its columns, and these as
// JSON objects, their members in the order of the columns.
func CSV(body []byte) (n int, all iter.Seq[[]byte], err error) {
	if body = bytes.TrimPrefix(body, byteOrderMark); !utf8.Valid(body) {
		return 0, nil, errors.New("it is no UTF-8")
	}
	r := newRecords(body)
	columns, err := r.Read()
	if err == io.EOF {
		return 0, nil, errors.New("the line with the names of the columns is missing")
	}
	names := make([][]byte, len(columns))
	for i, name := range columns {
		if err == nil && (name == "" || slices.Contains(columns[:i], name)) {
			err = fmt.Errorf("column %d has no name of its own: %.40q", i+1, name)
		}
		names[i] = AppendText(nil, name)
	}
	for err == nil {
		if _, err = r.Read(); err == nil {
			n++
		}
	}
	if err != io.EOF {
		return 0, nil, err
	}
	return n, func(yield func([]byte) bool) {
		r := newRecords(body)
		_, _ = r.Read() // the columns
		for {
			fields, err := r.Read()
			if err != nil || !yield(object(names, fields)) {
				return
			}
		}
	}, nil
}

func newRecords(body []byte) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(body))
	r.ReuseRecord = true
	return r
}

func object(names [][]byte, fields []string) []byte {
	b := []byte("{")
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, names[i]...), ':')
		b = AppendText(b, f)
	}
	return append(b, '}')
}
