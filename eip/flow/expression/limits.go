package expression

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/eipd/eipd/eip/internal/decimal"
)

// What an expression may be. A parser that recurses would end the process on one
// that is nested without bound, so nesting is counted over tokens before parsing.
const (
	MaxSource  = 16 << 10 // bytes
	MaxNesting = 100      // brackets in brackets; also signs in a row, and of conditions, variables and powers
	maxNodes   = 10000    // parts after parsing, where one that is written once may count often
	maxMatch   = 20000    // instructions of its patterns
)

// checkSize refuses a source that is too large or nested too deep to be parsed.
func checkSize(source string) error {
	if len(source) > MaxSource {
		return &Error{From: MaxSource, To: len(source), Message: fmt.Sprintf("An expression has at most %d bytes, and this has %d.", MaxSource, len(source))}
	}
	if !utf8.ValidString(source) {
		return whole(source, "An expression is UTF-8, and this is not.")
	}
	l := lexer.New()
	l.Reset(file.NewSource(source))
	var brackets, signs int
	nesting := map[string]int{}
	end := 0 // of the last token, in characters
	for tokens := 0; ; tokens++ {
		t, err := l.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			e := translate(source, err)
			if strings.Contains(err.Error(), unterminated) { // expr points at the end; the quote is more use
				rest := source[byteOffset(source, end):]
				e.From = len(source) - len(strings.TrimLeft(rest, " \t\r\n"))
			}
			return e
		case t.Kind == lexer.EOF:
			if tokens == 0 {
				return whole(source, "An expression cannot be empty.")
			}
			return nil
		}
		if t.Kind == lexer.Number && !isNumber(t.Value) { // expr points behind it
			return at(source, t.Location, "Compare longer ones as text: string(…).", "This is no number of 64 bits.")
		}
		end = t.To
		n := 0
		switch {
		case t.Kind == lexer.Bracket && (t.Value == "(" || t.Value == "[" || t.Value == "{"):
			brackets++
			n = brackets
		case t.Kind == lexer.Bracket:
			brackets--
		case t.Kind == lexer.Operator:
			switch t.Value {
			case "?", "if", "let", "**", "^":
				nesting[t.Value]++
				n = nesting[t.Value]
			}
		}
		if t.Kind == lexer.Operator && (t.Value == "!" || t.Value == "not" || t.Value == "-" || t.Value == "+") {
			signs++
			n = max(n, signs)
		} else {
			signs = 0
		}
		if n > MaxNesting {
			return at(source, t.Location, "", "The expression is nested too deep: %q is in %d others.", t.Value, MaxNesting)
		}
	}
}

// isNumber reports whether expr's parser takes a number.
func isNumber(s string) bool {
	s = strings.ToLower(strings.ReplaceAll(s, "_", ""))
	base := 10
	switch {
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0o") || strings.HasPrefix(s, "0b"):
		base = 0
	case strings.ContainsAny(s, ".e"):
		n, err := decimal.Parse(s)
		if err != nil {
			return false
		}
		_, ok := n.Float()
		return ok
	}
	_, err := strconv.ParseInt(s, base, 64)
	return err == nil
}

// nodes counts the parts of a tree. The parser uses one part in two places for
// a ?: b and a < b < c, so a short source can be a tree of any size.
type nodes struct {
	n        int
	patterns int // instructions of those that are constant
}

type tooMany struct{}

func (c *nodes) Visit(node *ast.Node) {
	var pattern ast.Node
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			pattern = n.Right
		}
	case *ast.CallNode:
		if isCall(n, "captures") && len(n.Arguments) == 2 {
			pattern = n.Arguments[1]
		}
	}
	if s, ok := pattern.(*ast.StringNode); ok {
		n, _ := patternParts(s.Value) // the checker says what is wrong with it
		c.patterns += n
	}
	if c.n++; c.n > maxNodes || c.patterns > maxMatch {
		panic(tooMany{})
	}
}

// checkTree counts the parts of an expression, those of its patterns included.
func checkTree(source string, tree *ast.Node) (parts int, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case tooMany:
			err = whole(source, "The expression has too many parts.")
		default:
			panic(p)
		}
	}()
	c := &nodes{}
	ast.Walk(tree, c)
	return c.n + c.patterns, nil
}
