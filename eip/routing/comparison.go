package routing

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/decimal"
)

// Bounds of comparisons, which come from outside.
const (
	mostComparisonBytes = 1 << 10
	mostComparisons     = 16
)

// A comparison is of a value of a message and a constant: body.total > 1000. It means what
// it does as an expression, but for what cannot be compared: there it is false. It needs no
// time to speak of, whoever has written it.
type comparison struct {
	root     string   // "body", "headers" or "message"
	path     []string // of members within it
	operator string
	constant any
}

var (
	oneComparison = regexp.MustCompile(`^\s*(body|headers|message)((?:\.[\pL_][\pL\pN_]*|\[(?:'[^']*'|"[^"]*")\])*)\s*(==|!=|<=|>=|<|>)\s*('[^']*'|"[^"]*"|true|false|nil|-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(&&|$)`)
	oneMember     = regexp.MustCompile(`\.([\pL_][\pL\pN_]*)|\['([^']*)'\]|\["([^"]*)"\]`)

	messageFields = map[string]func(*eip.Message) any{
		"id":             func(m *eip.Message) any { return m.ID },
		"correlation_id": func(m *eip.Message) any { return m.CorrelationID },
		"type":           func(m *eip.Message) any { return m.Type },
		"content_type":   func(m *eip.Message) any { return m.ContentType },
		"key":            func(m *eip.Message) any { return m.Key },
		"channel":        func(m *eip.Message) any { return m.Channel },
		"priority":       func(m *eip.Message) any { return int(m.Priority) },
	}
)

var errNoComparison = errors.New("it is no comparison, or several joined by &&, like body.total > 1000 && headers.region == 'eu'")

// parseComparisons reads comparisons that must all hold; "" is none.
func parseComparisons(text string) (all []comparison, err error) {
	if len(text) > mostComparisonBytes {
		return nil, fmt.Errorf("it has %d bytes, and may have %d", len(text), mostComparisonBytes)
	}
	for rest := text; text != ""; {
		found := oneComparison.FindStringSubmatch(rest)
		if found == nil {
			return nil, errNoComparison
		}
		c := comparison{root: found[1], operator: found[3], constant: constantOf(found[4])}
		for _, member := range oneMember.FindAllStringSubmatch(found[2], -1) {
			c.path = append(c.path, member[1]+member[2]+member[3])
		}
		switch {
		case c.root != "body" && len(c.path) == 0, c.root == "message" && (len(c.path) > 1 || messageFields[c.path[0]] == nil):
			return nil, fmt.Errorf("%s%s is nothing that can be compared", found[1], found[2])
		case len(all) == mostComparisons:
			return nil, fmt.Errorf("it has more than %d comparisons", mostComparisons)
		}
		all = append(all, c)
		if rest = rest[len(found[0]):]; found[5] == "" {
			return all, nil
		}
	}
	return nil, nil
}

func constantOf(text string) any {
	switch text {
	case "true", "false":
		return text == "true"
	case "nil":
		return nil
	}
	if text[0] == '\'' || text[0] == '"' {
		return text[1 : len(text)-1]
	}
	n, _ := decimal.Parse(text) // its exponent is short
	return n
}

// hold reports whether all of them do. A body that cannot be read is an error.
func hold(all []comparison, m *eip.Message) (bool, error) {
	for _, c := range all {
		v, err := c.value(m)
		if err != nil || !c.holds(v) {
			return false, err
		}
	}
	return true, nil
}

// value is what is compared; nil where it is not there.
func (c comparison) value(m *eip.Message) (v any, err error) {
	path := c.path
	switch c.root {
	case "message":
		return messageFields[path[0]](m), nil
	case "headers":
		v = m.Headers
	default:
		if v, err = m.Value(); err != nil {
			return nil, err
		}
	}
	for _, member := range path {
		switch object := v.(type) {
		case map[string]any:
			v = object[member]
		case eip.Headers:
			v = object[member]
		default:
			return nil, nil
		}
	}
	return v, nil
}

// number is the Number of any kind of number.
func number(v any) (decimal.Number, bool) {
	switch of := reflect.ValueOf(v); {
	case of.CanInt():
		v = of.Int()
	case of.CanUint():
		v = json.Number(strconv.FormatUint(of.Uint(), 10))
	case of.CanFloat():
		v = of.Float()
	}
	n, ok, err := decimal.Of(v)
	return n, ok && err == nil
}

func (c comparison) holds(v any) bool {
	order, comparable := compare(v, c.constant)
	switch c.operator {
	case "==":
		return comparable && order == 0
	case "!=":
		return !comparable || order != 0
	case "<":
		return comparable && order < 0 && ordered(v)
	case "<=":
		return comparable && order <= 0 && ordered(v)
	case ">":
		return comparable && order > 0 && ordered(v)
	}
	return comparable && order >= 0 && ordered(v)
}

// ordered reports whether values like v have an order: texts and numbers.
func ordered(v any) bool {
	_, truth := v.(bool)
	return !truth && v != nil
}

// compare says how a value and a constant of its kind compare; false where it is of another.
func compare(a, b any) (order int, comparable bool) {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	}
	x, isNumber := number(a)
	y, another := b.(decimal.Number)
	if isNumber || another {
		return x.Compare(y), isNumber && another
	}
	switch a := a.(type) {
	case nil:
		return 0, b == nil
	case bool:
		other, ok := b.(bool)
		if ok && a == other {
			return 0, true
		}
		return 1, ok
	}
	return 0, false
}
