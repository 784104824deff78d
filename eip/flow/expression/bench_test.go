package expression

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/tidwall/gjson"

	"github.com/eipd/eipd/eip"
)

// order is a JSON body of 1 KiB with some thirty members; the two that count are
// in its middle.
func order() []byte {
	var b strings.Builder
	b.WriteString(`{"id": 12345`)
	for i := 0; b.Len() < 990; i++ {
		if i == 14 {
			b.WriteString(`, "total": 1234, "region": "eu"`)
		}
		fmt.Fprintf(&b, `, "field_%d": "some value %d"`, i, i*i)
	}
	b.WriteString(`}`)
	return []byte(b.String())
}

const bigInEU = `body.total > 1000 && body.region == "eu"`

func BenchmarkPredicate(b *testing.B) {
	body := order()
	bench := func(name string, f func() bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f() {
					b.Fatal("wrong result")
				}
			}
		})
	}
	message := func() *eip.Message { return eip.New(body, nil) }
	evaluator := func(source string, machine bool) func(m *eip.Message) bool {
		p, err := compile(source, predicate)
		if err != nil {
			b.Fatal(err)
		}
		if machine {
			p.value, p.test = nil, nil
		}
		return func(m *eip.Message) bool {
			var err error
			e := p.start(b.Context(), m, nil)
			defer e.end(&err)
			return p.decide(e)
		}
	}
	bench("message alone", func() bool { return message() != nil })
	direct, machine := evaluator(bigInEU, false), evaluator(bigInEU, true)
	whole := evaluator(`let b = body; b.total > 1000 && b.region == "eu"`, false)
	bench("cold", func() bool { return direct(message()) })
	bench("cold/machine", func() bool { return machine(message()) })
	bench("cold/whole body", func() bool { return whole(message()) })
	m := message()
	bench("warm", func() bool { return direct(m) })
	bench("warm/machine", func() bool { return machine(m) })

	bench("hand-written/gjson", func() bool {
		return gjson.GetBytes(body, "total").Int() > 1000 && gjson.GetBytes(body, "region").Str == "eu"
	})
	bench("hand-written/gjson, validated", func() bool {
		return gjson.ValidBytes(body) && gjson.GetBytes(body, "total").Int() > 1000 && gjson.GetBytes(body, "region").Str == "eu"
	})
	type env struct {
		Total  float64 `expr:"total"`
		Region string  `expr:"region"`
	}
	program, err := expr.Compile(`total > 1000 && region == "eu"`, expr.Env(env{}), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	var v vm.VM
	handWritten := func() bool {
		ok, err := v.Run(program, env{gjson.GetBytes(body, "total").Float(), gjson.GetBytes(body, "region").String()})
		return err == nil && ok.(bool)
	}
	bench("hand-written/gjson and expr", handWritten)
	bench("hand-written/gjson and expr, validated", func() bool { return gjson.ValidBytes(body) && handWritten() })
	program, err = expr.Compile(bigInEU, expr.Env(map[string]any{"body": map[string]any{}}), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	bench("hand-written/json and expr", func() bool {
		var decoded map[string]any
		if json.Unmarshal(body, &decoded) != nil {
			return false
		}
		ok, err := v.Run(program, map[string]any{"body": decoded})
		return err == nil && ok.(bool)
	})
}

// A router of ten branches reads two places, each once.
func BenchmarkRouter(b *testing.B) {
	var branches []eip.Predicate
	for i := range 10 {
		p, err := Predicate(fmt.Sprintf(`body.total > %d && body.region == "r%d"`, i, i))
		if err != nil {
			b.Fatal(err)
		}
		branches = append(branches, p)
	}
	body := order()
	b.ReportAllocs()
	for b.Loop() {
		m := eip.New(body, nil)
		for _, p := range branches {
			if ok, err := p(context.Background(), m); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	}
}
