package expression

import (
	"errors"
	"fmt"
	"github.com/eipd/eipd/eip/content"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
	"github.com/expr-lang/expr/vm"
)

// A program is a compiled expression.
type program struct {
	name    string // the source, cut short, for errors
	message bool   // the machine needs environment.Message
	code    *vm.Program
	exact   func() *vm.Program // code whose operators know all numbers, compiled when one comes
	slow    atomic.Bool        // the last evaluation needed exact
	precise bool               // each needs it
	limits  *Limits
	reads   []string // members of the reply
	member  string   // the one that it is and does nothing with; "": there is none
	// What is used in place of code where the expression is one of the shapes that
	// direct knows.
	value func(*environment) any
	test  func(*environment) bool
}

func compile(source string, k kind, limits ...*Limits) (*program, error) {
	return compileWith(source, k, &places{}, limits...)
}

func compileWith(source string, k kind, reads *places, limits ...*Limits) (p *program, err error) {
	defer func() {
		if r := recover(); r != nil { // a fault in expr: a fatal one was ruled out by checkSize
			line, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			p, err = nil, whole(source, "This cannot be compiled: %s.", plain(line))
		}
	}()
	if err := checkSize(source); err != nil {
		return nil, err
	}
	c := newConfig()
	tree, err := parser.ParseWithConfig(source, c)
	if err != nil {
		return nil, translate(source, err)
	}
	parts, err := checkTree(source, &tree.Node)
	if err != nil {
		return nil, err
	}
	if err := checkNames(source, &tree.Node, k); err != nil {
		return nil, err
	}
	own := &Limits{}
	if len(limits) > 0 {
		own = limits[0]
	}
	if own.Compile != nil {
		if err := own.Compile(parts); err != nil {
			return nil, err
		}
	}
	p = &program{name: shorten(source), limits: own, precise: precise(&tree.Node)}
	if p.code, err = p.generate(source, tree, k, reads, c, false); err != nil {
		return nil, err
	}
	p.exact = sync.OnceValue(func() *vm.Program {
		c := newConfig()
		tree, err := parser.ParseWithConfig(source, c)
		check(err)
		code, err := new(program).generate(source, tree, k, &places{whole: reads.whole}, c, true)
		check(err)
		return code
	})
	return p, nil
}

// precise reports whether a tree has a number that is not told from its neighbours.
func precise(tree *ast.Node) bool {
	return ast.Find(*tree, func(n ast.Node) bool {
		f, ok := n.(*ast.FloatNode)
		return ok && f.Value >= safe
	}) != nil
}

// generate makes code of a tree, and fills in the rest of p.
func (p *program) generate(source string, tree *parser.Tree, k kind, reads *places, c *conf.Config, exact bool) (*vm.Program, error) {
	reads.refs, reads.known = map[ast.Node]*place{}, k.members()
	ast.Walk(&tree.Node, reads)
	p.reads = reads.read(&tree.Node)
	if at := reads.refs[tree.Node]; at != nil && at.root == "" && len(at.path.Keys) <= 2 {
		p.member = p.reads[0]
	}
	t, err := new(checker.Checker).Check(tree, c)
	if err != nil {
		return nil, translate(source, err)
	}
	if problem := k.fits(t, tree.Node.Nature().Nil); problem != "" {
		return nil, whole(source, "%s", problem)
	}
	g := &guards{source: source, exact: exact}
	ast.Walk(&tree.Node, g)
	if g.err != nil {
		return nil, g.err
	}
	if err := optimizer.Optimize(&tree.Node, c); err != nil {
		return nil, translate(source, err)
	}
	code, err := compiler.Compile(tree, c)
	if err != nil {
		return nil, translate(source, err)
	}
	p.message = usesMessage(&tree.Node)
	p.value, p.test = direct(tree.Node)
	return code, nil
}

func newConfig() *conf.Config {
	c := conf.CreateNew()
	c.WithEnv(environment{})
	c.MaxNodes = maxNodes
	c.Functions = maps.Clone(functions)
	return c
}

// run evaluates; it panics where that fails.
func (p *program) run(e *environment) any {
	if p.value != nil {
		return p.value(e)
	}
	if p.message {
		e.Message = newEnvelope(e.m)
	}
	if p.precise || p.slow.Load() {
		return p.runExact(e)
	}
	e.quick = true
	left, built, nested := e.left, e.built, e.nested
	v, err := e.machine.Run(p.code, e)
	e.quick = false
	var again inexact
	switch {
	case err == nil:
		return v
	case !errors.As(err, &again):
		panic(err)
	}
	e.left, e.built, e.nested = left, built, nested
	return p.runExact(e)
}

func (p *program) runExact(e *environment) any {
	v, err := e.machine.Run(p.exact(), e)
	if p.slow.Load() != e.exact {
		p.slow.Store(e.exact)
	}
	if err != nil {
		panic(err)
	}
	return v
}

// compute evaluates what may give anything.
func (p *program) compute(e *environment) any { return e.result(p.run(e)) }

// decide evaluates a predicate.
func (p *program) decide(e *environment) bool {
	if p.test != nil {
		return p.test(e)
	}
	return truth(p.run(e))
}

func truth(v any) bool {
	b, ok := v.(bool)
	if !ok {
		fail("%s where true or false is needed", content.KindOf(v))
	}
	return b
}

// maxName is how many bytes of a source errors repeat.
const maxName = 100

// shorten makes one line of a source. It is cut between two tokens: a secret in it
// must be whole, or those who hide secrets would not find it.
func shorten(source string) string {
	var b strings.Builder
	b.WriteByte('`')
	l := lexer.New()
	l.Reset(file.NewSource(source))
	end := 0
	for t, err := l.Next(); err == nil && t.Kind != lexer.EOF; t, err = l.Next() {
		from, to := byteOffset(source, t.From), byteOffset(source, t.To)
		if end > 0 && from > end {
			b.WriteByte(' ')
		}
		if b.Len()+to-from > maxName {
			b.WriteString("…")
			break
		}
		b.WriteString(source[from:to])
		end = to
	}
	b.WriteByte('`')
	return b.String()
}

// usesMessage reports whether a tree has message in it.
func usesMessage(tree *ast.Node) bool {
	return ast.Find(*tree, func(n ast.Node) bool {
		id, ok := n.(*ast.IdentifierNode)
		return ok && id.Value == "message"
	}) != nil
}
