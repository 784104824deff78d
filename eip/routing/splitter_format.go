package routing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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
		n, all = content.Lines(body)
	case FormatJSONLines:
		n, all, err = content.JSONLines(body)
	case FormatCSV:
		n, all, err = content.CSV(body)
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
	return content.AppendText(nil, text), nil
}
