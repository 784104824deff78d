package routing

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// A piece is a part before it is a message.
type piece struct {
	value any    // of an expression, where body is nil
	body  []byte // of a format
	text  bool   // body is text and not JSON
}

// split returns how many parts m has, and these. A body that is not in the format has
// none: all of it is looked at first.
func (s *Splitter) split(ctx context.Context, m *eip.Message) (n int, pieces iter.Seq[piece], err error) {
	if s.Parts != nil {
		return s.listed(ctx, m)
	}
	body, err := m.Content()
	if err != nil {
		return 0, nil, err
	}
	text := false
	var all iter.Seq[[]byte]
	switch s.Format {
	case FormatLines:
		text = true
		n, all = countLines(body), linesOf(body)
	case FormatJSONLines:
		n, all, err = jsonLines(body)
	case FormatCSV:
		n, all, err = records(body)
	default:
		var path []string
		if s.Path != "" {
			path = strings.Split(s.Path, ".")
		}
		n, all, err = content.Elements(body, path)
	}
	if err != nil {
		return 0, nil, eip.Invalid(fmt.Errorf("the body is no %s: %w", s.Format, err))
	}
	return n, func(yield func(piece) bool) {
		for b := range all {
			if !yield(piece{body: b, text: text}) {
				return
			}
		}
	}, nil
}

func (s *Splitter) listed(ctx context.Context, m *eip.Message) (int, iter.Seq[piece], error) {
	v, err := s.Parts(ctx, m)
	if err != nil {
		return 0, nil, fmt.Errorf("parts: %w", err)
	}
	list, ok := v.([]any)
	if !ok {
		return 0, nil, eip.Invalid(fmt.Errorf("parts: the expression gives %s, and no list", content.KindOf(v)))
	}
	return len(list), func(yield func(piece) bool) {
		for _, v := range list {
			if !yield(piece{value: v}) {
				return
			}
		}
	}, nil
}

// json is the piece as JSON.
func (p piece) json() (json.RawMessage, error) {
	text, isText := p.value.(string)
	switch {
	case isText:
	case p.body == nil && p.value != nil:
		return json.Marshal(p.value)
	case p.body == nil:
		return json.RawMessage("null"), nil
	case !p.text:
		return p.body, nil
	default:
		text = string(p.body)
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("it is no UTF-8")
	}
	return appendText(nil, text), nil
}

// appendText appends a text as JSON.
func appendText[T string | []byte](b []byte, text T) []byte {
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

// lines yields those of a body, without their ends.
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

func countLines(body []byte) int {
	body = bytes.TrimPrefix(body, byteOrderMark)
	n := bytes.Count(body, []byte("\n"))
	if len(body) > 0 && body[len(body)-1] != '\n' {
		n++
	}
	return n
}

// jsonLines yields the lines of a body that are not blank, of which each is JSON.
func jsonLines(body []byte) (n int, all iter.Seq[[]byte], err error) {
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
		if err := content.CheckJSON(line); err != nil {
			return 0, nil, fmt.Errorf("line %d: %w", number, err)
		}
		n++
	}
	return n, all, nil
}

// records yields the records of a CSV text as JSON objects, their columns in order.
func records(body []byte) (n int, all iter.Seq[[]byte], err error) {
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
		names[i] = appendText(nil, name)
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
		b = appendText(b, f)
	}
	return append(b, '}')
}
