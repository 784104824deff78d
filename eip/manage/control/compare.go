package control

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/eipd/eipd/eip"
)

// A comparison is what tap's "if" is made of: a path, an operator and a value.
// There is nothing else, as no expression comes over the bus.
type comparison struct {
	path []string
	op   string
	want any // string, float64, bool or nil
}

var comparisonForm = regexp.MustCompile(`^\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*(==|!=|<=|>=|<|>|contains)\s*('[^']*'|"[^"]*"|-?[0-9.]+(?:[eE][-+]?[0-9]+)?|true|false|nil|null)\s*(&&|$)`)

// mostComparisons bounds what is computed for each copy.
const mostComparisons = 16

// parseComparisons reads comparisons joined by &&; "" is none.
func parseComparisons(text string) (all []comparison, err error) {
	for strings.TrimSpace(text) != "" {
		found := comparisonForm.FindStringSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("%s is no comparison; write one like body.total > 1000 or headers.region == 'eu', or several with && between", clip(strings.TrimSpace(text)))
		}
		c := comparison{path: strings.Split(found[1], "."), op: found[2]}
		switch c.path[0] {
		case "body", "headers", "id", "correlation_id", "key", "type", "content_type", "channel":
		default:
			return nil, fmt.Errorf("there is no %s; there is body, headers, id, correlation_id, key, type, content_type and channel", c.path[0])
		}
		if c.want, err = literal(found[3]); err != nil {
			return nil, err
		}
		all = append(all, c)
		if len(all) > mostComparisons {
			return nil, fmt.Errorf("there are more than %d comparisons", mostComparisons)
		}
		rest := text[len(found[0]):]
		if found[4] == "&&" && strings.TrimSpace(rest) == "" {
			return nil, fmt.Errorf("nothing follows the last &&")
		}
		text = rest
	}
	return all, nil
}

func literal(text string) (any, error) {
	switch text {
	case "true", "false":
		return text == "true", nil
	case "nil", "null":
		return nil, nil
	}
	if text[0] == '\'' || text[0] == '"' {
		return text[1 : len(text)-1], nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is no number", text)
	}
	return f, nil
}

// holds reports whether the comparison is true of m. Values of different kinds are
// not equal, and in no order.
func (c *comparison) holds(m *eip.Message) (bool, error) {
	got, err := c.read(m)
	if err != nil {
		return false, err
	}
	switch c.op {
	case "==":
		return got == c.want, nil
	case "!=":
		return got != c.want, nil
	}
	switch want := c.want.(type) {
	case float64:
		got, ok := got.(float64)
		return ok && ordered(c.op, cmp.Compare(got, want)), nil
	case string:
		got, ok := got.(string)
		if c.op == "contains" {
			return ok && strings.Contains(got, want), nil
		}
		return ok && ordered(c.op, cmp.Compare(got, want)), nil
	}
	return false, nil
}

func ordered(op string, order int) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return op == ">=" && order >= 0
}

// read returns what the path leads to: a string, float64, bool or nil; of anything
// else true, as it is there.
func (c *comparison) read(m *eip.Message) (any, error) {
	var v any
	switch c.path[0] {
	case "body":
		body, err := m.Value()
		if err != nil {
			return nil, err
		}
		v = body
	case "headers":
		v = m.Headers
	default:
		v = map[string]string{"id": m.ID, "correlation_id": m.CorrelationID, "key": m.Key, "type": m.Type,
			"content_type": m.ContentType, "channel": m.Channel}[c.path[0]]
	}
	for _, name := range c.path[1:] {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case eip.Headers:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return nil, nil
			}
			v = at[i]
		default:
			return nil, nil
		}
	}
	return simple(v), nil
}

func simple(v any) any {
	switch v := v.(type) {
	case nil, string, float64, bool:
		return v
	case []byte:
		return string(v)
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case int32:
		return float64(v)
	case int16:
		return float64(v)
	case int8:
		return float64(v)
	case uint8:
		return float64(v)
	case uint16:
		return float64(v)
	case uint32:
		return float64(v)
	case uint64:
		return float64(v)
	case float32:
		return float64(v)
	}
	return true
}
