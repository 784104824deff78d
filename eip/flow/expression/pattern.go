package expression

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

const (
	maxPattern = 1000    // bytes of a pattern that is computed
	shortText  = 1 << 10 // bytes; the package regexp matches it with less ado, and at most shortSteps for each byte and instruction
)

// A pattern is a regular expression that counts what it does: how long a match
// takes depends on the text as much as on the pattern.
type pattern struct {
	re       *regexp.Regexp
	prog     *syntax.Prog
	prefix   string // what each match begins with
	anchored bool   // a match can only be at the text's begin
}

func newPattern(source string) (*pattern, error) {
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, err
	}
	parsed, _ := syntax.Parse(source, syntax.Perl)
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	p := &pattern{re: re, prog: prog, anchored: prog.StartCond()&syntax.EmptyBeginText != 0}
	if !p.anchored {
		p.prefix, _ = prog.Prefix()
	}
	return p, nil
}

// patternParts is about how many instructions a pattern compiles to, without doing
// it: a{1000} is a thousand.
func patternParts(source string) (int, error) {
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 0, err
	}
	return instructions(parsed), nil
}

func instructions(re *syntax.Regexp) int {
	n := 2 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		n = 2
	}
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return n
}

// match is matches with a pattern that is not constant: it may come from the
// message.
func (e *environment) match(text, source any) bool {
	if p, ok := source.(*pattern); ok {
		return p.matches(e, text)
	}
	if runtime.IsNil(text) || runtime.IsNil(source) {
		return false
	}
	return e.pattern(source).matches(e, text)
}

// pattern is one that is constant, or compiles it.
func (e *environment) pattern(source any) *pattern {
	if p, ok := source.(*pattern); ok {
		return p
	}
	s := str(source)
	if len(s) > maxPattern {
		fail("a pattern has more than %d bytes", maxPattern)
	}
	e.work(1000 + 200*len(s))
	parts, err := patternParts(s)
	if err != nil {
		fail("%v", err)
	}
	e.work(200 * parts)
	p, err := newPattern(s)
	if err != nil {
		fail("%v", err)
	}
	return p
}

// captures is a map of a pattern's named groups and what they match; nil where the
// pattern does not match. A group that takes no part is nil.
func (e *environment) captures(args []any) any {
	if runtime.IsNil(args[0]) {
		return nil
	}
	p, groups := e.pattern(args[1]), map[string]any{}
	text, isBytes := args[0].([]byte)
	s := string(text)
	if !isBytes {
		s = str(args[0])
	}
	names := p.re.SubexpNames()
	e.work(1000 + 2*len(s)*(10+(3+len(names))*len(p.prog.Inst)))
	e.build(len(s) + 100*len(names))
	at := p.re.FindStringSubmatchIndex(s)
	if at == nil {
		return nil
	}
	for i, name := range names {
		switch {
		case name == "":
		case at[2*i] < 0:
			groups[name] = nil
		default:
			groups[name] = s[at[2*i]:at[2*i+1]]
		}
	}
	return groups
}

// isNamed reports whether a pattern has a group with a name.
func (p *pattern) isNamed() bool {
	return slices.ContainsFunc(p.re.SubexpNames(), func(name string) bool { return name != "" })
}

func (p *pattern) matches(e *environment, text any) bool {
	switch s := text.(type) {
	case string:
		return p.matchString(e, s)
	case []byte:
		e.text(s)
		return s != nil && p.matchString(e, string(s))
	default:
		return !runtime.IsNil(s) && p.matchString(e, str(s))
	}
}

func (p *pattern) matchString(e *environment, s string) bool {
	if len(s) <= shortText {
		e.work(100 + len(s)*(5+3*len(p.prog.Inst)))
		return p.re.MatchString(s)
	}
	e.work(500)
	m := thompson{e: e, prog: p.prog, at: make([]uint32, len(p.prog.Inst))}
	return m.run(p, s)
}

// A thompson runs a pattern as he has it: all ways at once, each instruction
// at most once for each character. It says only whether there is a match.
type thompson struct {
	e     *environment
	prog  *syntax.Prog
	now   []uint32 // the instructions that wait for a character
	at    []uint32 // where each was entered into now: an entry is valid if now[at[i]] is i
	steps int
}

func (m *thompson) run(p *pattern, s string) bool {
	var next []uint32
	defer func() { m.e.left -= m.steps }()
	before := rune(-1)
	for i := 0; ; {
		if len(next) == 0 {
			jump := m.jump(p, s, i)
			if jump < 0 {
				return false
			}
			if i += jump; jump > 0 {
				before, _ = utf8.DecodeLastRuneInString(s[:i])
			}
		}
		r, size := runeAt(s, i)
		flags := syntax.EmptyOpContext(before, r)
		m.now = m.now[:0]
		for _, pc := range next {
			if m.enter(pc, flags) {
				return true
			}
		}
		if (i == 0 || !p.anchored) && m.enter(uint32(m.prog.Start), flags) {
			return true
		}
		if size == 0 {
			return false
		}
		next = next[:0]
		for _, pc := range m.now {
			if in := &m.prog.Inst[pc]; takes(in, r) {
				next = append(next, in.Out)
			}
		}
		if m.steps += 8 + 4*len(m.now); m.steps > 1<<16 {
			m.e.work(m.steps)
			m.steps = 0
		}
		before, i = r, i+size
	}
}

// jump is how far on the next match may begin, where none has begun; -1: there is none.
func (m *thompson) jump(p *pattern, s string, i int) int {
	switch {
	case p.anchored && i > 0:
		return -1
	case p.prefix == "":
		return 0
	}
	jump := strings.Index(s[i:], p.prefix)
	if jump < 0 {
		m.steps += (len(s) - i) / 4
	}
	m.steps += max(jump, 0) / 4
	return jump
}

// runeAt is the character at a place; -1 behind the last.
func runeAt(s string, i int) (r rune, size int) {
	switch {
	case i == len(s):
		return -1, 0
	case s[i] < utf8.RuneSelf:
		return rune(s[i]), 1
	}
	return utf8.DecodeRuneInString(s[i:])
}

func takes(in *syntax.Inst, r rune) bool {
	switch in.Op {
	case syntax.InstRune1:
		return in.Rune[0] == r
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return in.MatchRune(r)
}

// enter follows what needs no character; it reports a match. What was entered
// already is left alone.
func (m *thompson) enter(pc uint32, flags syntax.EmptyOp) bool {
	for {
		if j := m.at[pc]; int(j) < len(m.now) && m.now[j] == pc {
			return false
		}
		m.at[pc] = uint32(len(m.now))
		m.now = append(m.now, pc)
		m.steps += 3
		in := &m.prog.Inst[pc]
		switch in.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstAlt, syntax.InstAltMatch:
			if m.enter(in.Out, flags) {
				return true
			}
			pc = in.Arg
		case syntax.InstCapture, syntax.InstNop:
			pc = in.Out
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags != 0 {
				return false
			}
			pc = in.Out
		default:
			return false
		}
	}
}
