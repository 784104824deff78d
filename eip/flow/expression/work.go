package expression

import (
	"encoding/json"
	"math"
	"math/bits"
	"reflect"

	"github.com/expr-lang/expr/ast"

	"github.com/eipd/eipd/eip"
)

// DefaultWork is what one evaluation may do where nothing else is said, in
// millions of steps. A step is what a core does in about a nanosecond, so that
// this is about a second; but it is counted, and the same everywhere.
const DefaultWork = 1000

// Limits are what a use of expressions may cost, and what time it is to it. They are
// read when an expression is compiled and evaluated, so they may be filled in later
// than it.
type Limits struct {
	Work int // of one evaluation, in millions of steps; 0: DefaultWork
	// Compile, where there is one, is told before an expression is compiled about
	// how many parts it will have; it may refuse by an error.
	Compile func(parts int) error
	Clock   eip.Clock // of now()
}

func (l *Limits) steps() int {
	if l == nil || l.Work <= 0 {
		return DefaultWork * million
	}
	return min(l.Work, math.MaxInt/million) * million
}

const million = 1_000_000

// work is called before n steps are done.
func (e *environment) work(n int) {
	before := e.left
	if e.left -= n; e.left < 0 || n < 0 {
		e.left = -1 // whatever came first of a map
		fail("it takes more than %d million steps (see expression_budget)", e.program.limits.steps()/million)
	}
	if before>>20 != e.left>>20 {
		if err := e.ctx.Err(); err != nil {
			panic(passing{err})
		}
	}
}

// What parts of an expression cost, in steps.
const (
	perPart    = 15 // of an expression, once evaluated
	perRound   = 50 // of a loop
	perMember  = 50 // or call
	perMethod  = 400
	perElement = 40  // of a list or map that is gone through by reflection
	perVisit   = 5   // of a value that is counted
	perDeep    = 400 // that is compared by reflection
)

// roundCost is what each round of a loop costs, but for what its parts count
// themselves. Loops in it count their own rounds.
func roundCost(n ast.Node) int {
	c := &costs{}
	ast.Walk(&n, c)
	return perRound + c.total - c.inner
}

type costs struct{ total, inner int }

func (c *costs) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode: // its parts were visited before, and are counted by its own loop
		c.inner += stepsOf(n.Node) - perRound
	case *ast.ConstantNode:
		if l, ok := n.Value.([]any); ok { // that something is looked for in
			c.total += perElement * len(l)
		}
	case *ast.CallNode:
		if m, ok := n.Callee.(*ast.MemberNode); ok && m.Method {
			c.total += perMethod
		}
	case *ast.MemberNode, *ast.BuiltinNode:
		c.total += perMember
	}
	c.total += perPart
}

// stepsOf is what a loop's predicate was found to cost.
func stepsOf(n ast.Node) int {
	for {
		s, ok := n.(*ast.SequenceNode)
		if !ok {
			return perRound
		}
		if isCall(s.Nodes[0], takeStep) {
			return s.Nodes[0].(*ast.CallNode).Arguments[1].(*ast.ConstantNode).Value.(int)
		}
		n = s.Nodes[1]
	}
}

// compared counts what it takes to compare two values.
func (e *environment) compared(a, b any) {
	e.digits(b)
	switch a := a.(type) {
	case nil, bool, int, float64:
	case json.Number:
		e.digits(a)
	case string:
		if b, ok := b.(string); ok {
			e.work(min(len(a), len(b)) / 16)
		}
	default:
		switch reflect.ValueOf(b).Kind() {
		case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
			w, perValue := e.weigh(a), perElement/4
			if w.made {
				perValue = perDeep
			}
			e.work(w.values*perValue + w.bytes)
		}
	}
}

// in is x in list or map, which go through no more than they must.
func (e *environment) in(x, all any) bool {
	switch l := all.(type) {
	case nil, string:
	case []any:
		for _, v := range l {
			e.work(perPart)
			e.compared(v, x)
			if equal(v, x) {
				return true
			}
		}
		return false
	default:
		switch r := reflect.ValueOf(all); r.Kind() {
		case reflect.Slice, reflect.Array:
			for i := range r.Len() {
				v := r.Index(i).Interface()
				e.work(perElement)
				e.compared(v, x)
				if equal(v, x) {
					return true
				}
			}
			return false
		case reflect.Map:
			e.text(x)
		}
	}
	return among(x, all)
}

// text counts what it takes to look at all of a text, for a hash or a copy.
func (e *environment) text(v any) {
	switch v := v.(type) {
	case string:
		e.work(len(v) / 4)
	case []byte:
		e.work(len(v) / 4)
	case json.Number:
		e.digits(v)
	case [2]any: // of toPairs, the only list that is a key
		e.through(v, perElement, 1)
	}
}

// index is what a member is looked up by. What is none would be repeated whole by an
// error.
func (e *environment) index(v any) any {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		if e.spelled(v, perElement, 1); r.Kind() != reflect.Array {
			fail("only text, numbers and booleans can be keys")
		}
	default:
		e.text(v)
	}
	return key(v)
}

// keys counts what it takes to look up all keys of a map.
func (e *environment) keys(m any) {
	switch r := reflect.ValueOf(m); r.Kind() {
	case reflect.Map:
		for it := r.MapRange(); it.Next(); {
			e.text(it.Key().Interface())
		}
	}
}

// key counts a key that elements are grouped or sorted by: it is compared as often
// as a list is long in digits.
func (e *environment) key(v any) {
	e.work(20 * perElement)
	e.text(v)
	if s, ok := v.(string); ok {
		e.work(len(s))
	}
}

// layout counts what a method makes of a text.
func (e *environment) layout(v any) {
	if s, ok := v.(string); ok {
		e.build(8 * len(s))
		e.work(40 * len(s))
	}
}

// cost is what operators on two values take.
var cost = map[string]func(e *environment, a, b any){
	"==": (*environment).compared, "!=": (*environment).compared, "<": (*environment).compared, "<=": (*environment).compared,
	">": (*environment).compared, ">=": (*environment).compared, "startsWith": (*environment).compared, "endsWith": (*environment).compared,
	"contains": func(e *environment, a, _ any) { e.text(a); e.text(a) },
}

// sorted counts what it takes to sort n values with so many bytes of text.
func (e *environment) sorted(n, bytes, perComparison int) {
	e.work(n * (bits.Len(uint(n)) + 1) * perComparison)
	e.work(bytes / 8 * (bits.Len(uint(n)) + 1))
}
