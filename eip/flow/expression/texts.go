package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/vm/runtime"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
	"github.com/eipd/eipd/eip/internal/footprint"
)

// date tries many layouts, and quotes what fits none.
func date(e *environment, args []any) any {
	e.work(2000)
	for _, a := range args {
		if s, ok := a.(string); ok {
			e.work(50 * len(s))
			e.build(8 * len(s))
		}
	}
	return original("date", args...)
}

func (e *environment) trim(args []any) any {
	s, each := str(args[0]), 2
	if len(args) == 2 {
		each += len(str(args[1])) // no more than that is looked at for each byte
	}
	e.work(perElement + each*len(s))
	return original("trim", args...)
}

// parts is split or splitAfter, whose parts are counted before they are made.
func parts(name string) function {
	return func(e *environment, args []any) any {
		s := str(args[0])
		e.work(perElement + len(s))
		n := 1 + strings.Count(s, str(args[1]))
		e.build(16 * n)
		e.work(perElement * n)
		return original(name, args...)
	}
}

func (e *environment) repeat(args []any) any {
	s, n := str(args[0]), runtime.ToInt(args[1])
	if n < 0 {
		fail("repeat cannot repeat %d times", n)
	}
	if len(s) > 0 && n > maxBuilt/len(s) {
		e.build(maxBuilt + 1)
	}
	e.build(n * len(s))
	e.work(n * len(s) / 4)
	return strings.Repeat(s, n)
}

func (e *environment) replace(args []any) any {
	s, old, by, n := str(args[0]), str(args[1]), str(args[2]), -1
	if len(args) == 4 {
		n = runtime.ToInt(args[3])
	}
	e.work(perElement + len(s))
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(n, found)
	}
	if len(by) > 0 && found > maxBuilt/len(by) {
		e.build(maxBuilt + 1)
	}
	e.build(len(s) + found*len(by))
	e.work(perElement*found + (len(s)+found*len(by))/2)
	return strings.Replace(s, old, by, n)
}

func (e *environment) join(args []any) any {
	glue, total := "", 0
	if len(args) == 2 {
		glue = str(args[1])
	}
	items := reflect.ValueOf(list(args[0]))
	e.build(16 * items.Len())
	e.work(perElement * items.Len())
	texts := make([]string, items.Len())
	for i := range texts {
		texts[i] = str(items.Index(i).Interface())
		if total += len(texts[i]) + len(glue); total > maxBuilt {
			break
		}
	}
	e.build(total)
	e.work(total / 2)
	return strings.Join(texts, glue)
}

// string is expr's, but gives the text of bytes, and numbers as they are written.
func (e *environment) string(args []any) any {
	var s string
	switch v := args[0].(type) {
	case string:
		return v
	case []byte:
		e.text(v)
		s = string(v)
	case float64, json.Number:
		s = textOf(v)
	default:
		e.work(3 * perElement)
		e.spelled(v, 300, 4)
		s = fmt.Sprint(v)
	}
	e.build(len(s))
	return s
}

// toJSON is on one line, so that its result can be a line of a file.
func (e *environment) toJSON(args []any) any {
	w := e.spelled(args[0], 300, 6)
	b, _, err := content.Encode([]any{e.plain(args[0], w)})
	if err != nil {
		fail("toJSON: %v", errors.Unwrap(err))
	}
	e.build(len(b))
	return string(b[1 : len(b)-1])
}

// fromJSON reads numbers as they are read in a body.
func (e *environment) fromJSON(args []any) any {
	s := str(args[0])
	e.work(perElement + 40*len(s))
	e.build(2*len(s) + footprint.Of([]byte(s)))
	d, err := document.Parse([]byte(s))
	if err != nil {
		fail("fromJSON: %v", err)
	}
	v, exact, err := d.Whole(nil)
	check(err)
	e.saw(exact)
	return v
}
