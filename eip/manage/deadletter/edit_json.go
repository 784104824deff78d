package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/eipd/eipd/eip/content"
)

// JSON is changed as text, so that what is not changed stays as it was written: numbers
// with all their digits, the order of keys, spaces.

// A member is one of an object or a list.
type member struct {
	name       string // of an object
	from       int    // where its name begins, or its value in a list
	begin, end int    // of its value
}

// changeJSON returns data with a value at a path of it, or, where there is no value, without
// what is there. Objects on the way to a value are made where they are missing.
func changeJSON(data []byte, path []string, value json.RawMessage) ([]byte, error) {
	if len(path) == 0 {
		return value, nil
	}
	all, object, err := members(data)
	if err != nil {
		return nil, err
	}
	i, err := indexOf(all, object, path[0])
	switch {
	case err != nil:
		return nil, err
	case i == len(all) && value == nil:
		return nil, fmt.Errorf("there is no %s", path[0])
	case i == len(all):
		return withMember(data, all, object, path, value), nil
	case len(path) > 1 || value != nil:
		changed, err := changeJSON(data[all[i].begin:all[i].end], path[1:], value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path[0], err)
		}
		return splice(data, all[i].begin, all[i].end, changed), nil
	case i+1 < len(all):
		return splice(data, all[i].from, all[i+1].from, nil), nil
	case i > 0:
		return splice(data, all[i-1].end, all[i].end, nil), nil
	}
	return splice(data, all[i].from, all[i].end, nil), nil
}

// withMember adds one, with the objects on the way to the value in it.
func withMember(data []byte, all []member, object bool, path []string, value []byte) []byte {
	for _, name := range slices.Backward(path[1:]) {
		value = slices.Concat([]byte("{"), asJSON(name), []byte(": "), value, []byte("}"))
	}
	if object {
		value = slices.Concat(asJSON(path[0]), []byte(": "), value)
	}
	if len(all) == 0 {
		at := bytes.IndexAny(data, "{[") + 1
		return splice(data, at, at, value)
	}
	at := all[len(all)-1].end
	return splice(data, at, at, slices.Concat([]byte(", "), value))
}

func splice(data []byte, from, to int, with []byte) []byte {
	return slices.Concat(data[:from], with, data[to:])
}

// asJSON is what JSON can say.
func asJSON(v any) []byte {
	text, _ := content.Marshal(v) // it can
	return text
}

// indexOf is where a name is among members; their number where it is none of them, and
// may be the next.
func indexOf(all []member, object bool, name string) (int, error) {
	if !object {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i > len(all) {
			return 0, fmt.Errorf("a list of %d elements has none of the number %.20q; the first is 0", len(all), name)
		}
		return i, nil
	}
	found := len(all)
	for i, m := range all {
		if m.name != name {
			continue
		}
		if found < len(all) {
			return 0, fmt.Errorf("it has %s twice", name)
		}
		found = i
	}
	return found, nil
}

var errNoMembers = errors.New("it is no object and no list, and has no members")

// members are those of an object or a list, in their order.
func members(data []byte) (all []member, object bool, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	t, err := d.Token()
	if err != nil {
		return nil, false, fmt.Errorf("it is no JSON: %w", err)
	}
	switch t {
	case json.Delim('{'):
		object = true
	case json.Delim('['):
	default:
		return nil, false, errNoMembers
	}
	for d.More() {
		m := member{from: skip(data, int(d.InputOffset()))}
		if object {
			name, err := d.Token()
			if err != nil {
				return nil, false, err
			}
			m.name, _ = name.(string)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, false, err
		}
		m.end = int(d.InputOffset())
		m.begin = m.end - len(value)
		all = append(all, m)
	}
	return all, object, nil
}

// skip is where the next name or value begins.
func skip(data []byte, at int) int {
	return len(data) - len(bytes.TrimLeft(data[at:], " \t\r\n,"))
}
