package expression

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/eipd/eipd/eip"
)

// What an evaluation may use. The limits are far from what expressions need, and
// near enough that no message can stop a process or its flow.
const (
	maxElements = 1_000_000 // of the ranges, lists and maps that it makes, together
	maxBuilt    = 64 << 20  // bytes of text and lists that functions and + build, together
	maxNested   = 100_000   // lists in lists that reduce may make
)

// environment is one evaluation. Its exported fields are what expr's checker
// knows; all but Message are replaced by calls before a program runs.
type environment struct {
	Body    any            `expr:"body"`
	Reply   any            `expr:"reply"`
	Headers map[string]any `expr:"headers"`
	Message envelope       `expr:"message"`

	ctx     context.Context
	program *program
	m       *eip.Message
	reply   *eip.Message
	body    *payload       // of m, once it is needed
	answer  *payload       // of reply
	all     map[string]any // headers, once they are needed

	machine vm.VM
	built   int
	left    int // steps
	nested  int
	quick   bool // on the machine, with operators that know only ints and floats
	exact   bool // a number was seen that is neither
	inAll   bool // one is in all
}

var environments = sync.Pool{New: func() any {
	return &environment{machine: vm.VM{MemoryBudget: maxElements}}
}}

func (p *program) start(ctx context.Context, m, reply *eip.Message) *environment {
	e := environments.Get().(*environment)
	e.ctx, e.program, e.m, e.reply, e.left = ctx, p, m, reply, p.limits.steps()
	return e
}

// end turns a panic into an error, and gives the environment back.
func (e *environment) end(err *error) {
	if p := recover(); p != nil {
		*err = e.program.failure(p)
	}
	if cap(e.machine.Stack) > 1024 { // a large list was on it: do not keep that much
		e.machine = vm.VM{MemoryBudget: maxElements}
	}
	clear(e.machine.Stack[:cap(e.machine.Stack)])
	clear(e.machine.Variables)
	if e.program.message {
		e.Message = envelope{}
	}
	e.ctx, e.program, e.m, e.reply, e.body, e.answer, e.all = nil, nil, nil, nil, nil, nil, nil
	e.built, e.nested, e.quick, e.exact, e.inAll = 0, 0, false, false, false
	environments.Put(e)
}

// build is called before n bytes of text or list are made.
func (e *environment) build(n int) {
	if e.built += n; e.built > maxBuilt || e.built < 0 || n < 0 {
		fail("it needs too much memory")
	}
}

// nest is called in each round of a reduce. What is nested deeper than any message
// would end the process where it is compared.
func (e *environment) nest(n int) {
	if e.nested += n; e.nested > maxNested {
		fail("its result is nested too deep")
	}
}

// failed is what an evaluation panics with where the message is to blame.
type failed struct{ text string }

func (f failed) Error() string { return f.text }

func fail(format string, args ...any) {
	panic(failed{fmt.Sprintf(format, args...)})
}

// passing is what it panics with where something else is.
type passing struct{ error }

// failure makes the error of an evaluation that panicked.
func (p *program) failure(cause any) error {
	err, _ := cause.(error)
	var pass passing
	if errors.As(err, &pass) {
		return fmt.Errorf("evaluate %s: %w", p.name, pass.error)
	}
	var f failed
	if errors.As(err, &f) {
		return eip.Invalid(fmt.Errorf("evaluate %s: %w", p.name, f))
	}
	text := fmt.Sprint(cause)
	var fe *file.Error
	if errors.As(err, &fe) {
		text = fe.Message
	}
	return eip.Invalid(fmt.Errorf("evaluate %s: %s", p.name, explain(text)))
}

// explained are what expr says of failed evaluations, and what we say.
var explained = []struct {
	by   *regexp.Regexp
	says func(m []string) string
}{
	{regexp.MustCompile(`^cannot fetch (.+) from (.+)$`), func(m []string) string { return typeWord(m[2]) + " has no member " + m[1] }},
	{regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (.+)$`), func(m []string) string { return typeWord(m[1]) + " where " + typeWord(m[2]) + " is needed" }},
	{regexp.MustCompile(`^invalid operation: (?:int|float|int64)\((.+)\)$`), func(m []string) string { return typeWord(m[1]) + " is no number" }},
	{regexp.MustCompile(`^invalid operation: (\[\]interface \{\}|map\[string\]interface \{\}|\S+) (\S+) (.+)$`), func(m []string) string { return m[2] + " does not take " + typeWord(m[1]) + " and " + typeWord(m[3]) }},
	{regexp.MustCompile(`^reflect: call of reflect\.Value\.\w+ on (zero|\w+) Value$`), func(m []string) string {
		return strings.Replace(typeWord(m[1]), "zero", "nil", 1) + " does not fit here"
	}},
	{regexp.MustCompile(`^reflect\.Value\.MapIndex: value of type (.+) is not assignable to type string$`), func(m []string) string { return typeWord(m[1]) + " is no key of a map" }},
	{regexp.MustCompile(`^runtime error: integer divide by zero$`), func([]string) string { return "division by zero" }},
	{regexp.MustCompile(`^memory budget exceeded$`), func([]string) string { return "it needs too much memory" }},
	{regexp.MustCompile(`^cannot slice`), func([]string) string { return "only text and lists can be sliced" }},
	{regexp.MustCompile(`hash of unhashable type`), func([]string) string { return "only text, numbers and booleans can be keys" }},
	{regexp.MustCompile(`^recursion depth exceeded$`), func([]string) string { return "it is nested too deep" }},
}

// explain turns what expr says of a failed evaluation into one short line.
func explain(text string) string {
	text = short(strings.Join(strings.Fields(short(text)), " "))
	for _, x := range explained {
		if m := x.by.FindStringSubmatch(text); m != nil {
			return x.says(m)
		}
	}
	return plain(text)
}
