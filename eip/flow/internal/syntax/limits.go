package syntax

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// check refuses what would make a parser recurse too deep: HCL's has no limit of
// its own, and a Go stack that overflows cannot be recovered. It counts tokens,
// which needs no recursion.
func check(name string, src []byte, spend func(steps, bytes int)) hcl.Diagnostics {
	if len(src) > MaxFile {
		return diag(name, "File too large", "The file has %d bytes; a flow file may have %d (1 MiB).", len(src), MaxFile)
	}
	if i, ok := validUTF8(src); !ok {
		return problem(at(name, src, i), "Invalid character encoding", "A flow file is UTF-8 text; this byte is not.")
	}
	if isJSON(name) {
		return checkJSON(name, src, spend)
	}
	switch n, deep := tokens(src); {
	case n > MaxTokens && deep >= 0:
		return tooDeep(at(name, src, deep))
	case n > MaxTokens:
		return tooComplex(at(name, src, 0))
	}
	tokens, diags := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil // the parser says it better
	}
	if diags := checkTokens(tokens); diags != nil {
		return diags
	}
	spend(tokenSteps*len(tokens), tokenBytes*len(tokens))
	return nil
}

// What a part of a file takes once it is parsed.
const (
	tokenSteps = 300
	tokenBytes = 100
)

func tooComplex(r hcl.Range) hcl.Diagnostics {
	return problem(r, "File too complex", "A file may hold %d names, numbers, operators and brackets. Split it.", MaxTokens)
}

func checkTokens(tokens hclsyntax.Tokens) hcl.Diagnostics {
	depth, operators, unary := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		}
		switch t.Type {
		case hclsyntax.TokenBang, hclsyntax.TokenMinus:
			unary++
			operators++
		case hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd,
			hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenQuestion, hclsyntax.TokenTemplateControl:
			unary = 0
			operators++
		default:
			unary = 0
		}
		switch {
		case depth > MaxNesting || unary > MaxNesting:
			return tooDeep(t.Range)
		case t.Type == hclsyntax.TokenNumberLit && !saneNumber(t.Bytes):
			return hugeNumber(t.Range)
		case operators > MaxOperators:
			return problem(t.Range, "File too complex", "A flow file may hold 10000 operators. Split the file, or put less into its expressions.")
		}
	}
	if diags := checkTexts(tokens); diags.HasErrors() {
		return diags
	}
	return checkFor(tokens)
}

// maxJoins bounds what it takes to put a text together: HCL's parser moves all that
// follows in it for each line of a heredoc, and for each sign that might have begun
// a template.
const maxJoins = 400_000_000

func checkTexts(tokens hclsyntax.Tokens) hcl.Diagnostics {
	type text struct{ parts, joins int }
	open, literal := []text{{}}, false
	for _, t := range tokens {
		top := &open[len(open)-1]
		was := literal
		literal = false
		switch t.Type {
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			if top.parts, literal = top.parts+1, true; was {
				top.joins++
			}
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			top.parts++
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			open = append(open, text{})
		case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		}
		if top.parts*top.joins > maxJoins {
			return problem(t.Range, "Text too long", "This text has too many lines, or signs of templates, for a flow file. Read it from a file: file(\"NAME\").")
		}
	}
	return nil
}

// checkFor allows no `for` within a `for`: HCL's evaluation cannot be interrupted,
// and two loops of a thousand already take ten seconds.
func checkFor(tokens hclsyntax.Tokens) hcl.Diagnostics {
	var open []bool // for each bracket whether a `for` began with it
	loops := 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack:
			loop := false
			for _, next := range tokens[i+1:] {
				if next.Type == hclsyntax.TokenNewline || next.Type == hclsyntax.TokenComment {
					continue
				}
				loop = next.Type == hclsyntax.TokenIdent && bytes.Equal(next.Bytes, []byte("for"))
				if loop && loops > 0 {
					return problem(next.Range, "Nested for", "A for expression may not stand within another one. Compute the inner one in a local of its own.")
				}
				break
			}
			open = append(open, loop)
			if loop {
				loops++
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack:
			if n := len(open); n > 0 {
				if open[n-1] {
					loops--
				}
				open = open[:n-1]
			}
		}
	}
	return nil
}

// saneNumber refuses what takes any time and memory to be read, or calculated with.
func saneNumber(text []byte) bool {
	mantissa, exponent := text, []byte(nil)
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], bytes.TrimLeft(text[i+1:], "+-0")
	}
	return len(mantissa) <= maxNumber && len(exponent) <= maxExponent
}

func hugeNumber(r hcl.Range) hcl.Diagnostics {
	return problem(r, "Number too large", "A number has at most 1000 digits.")
}

func tooDeep(r hcl.Range) hcl.Diagnostics {
	return problem(r, "Nested too deep", "Brackets, quotes and operators may be nested 100 deep. Nothing that people write needs more.")
}

// checkJSON counts brackets outside of strings, and checks each string that is a
// template as native syntax is checked.
func checkJSON(name string, src []byte, spend func(steps, bytes int)) hcl.Diagnostics {
	depth, begin, values := 0, -1, 0
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case begin >= 0 && c == '\\':
			i++
		case c == '"' && begin < 0:
			begin = i
		case c == '"':
			if diags := checkTemplate(name, src, begin, i+1); diags.HasErrors() {
				return diags
			}
			begin = -1
		case begin >= 0:
		case c == ',' || c == ':':
			if values++; values > MaxTokens/4 { // a value takes more there
				return tooComplex(at(name, src, i))
			}
		case '0' <= c && c <= '9':
			end := i
			for end < len(src) && bytes.IndexByte([]byte("0123456789.eE+-"), src[end]) >= 0 {
				end++
			}
			if !saneNumber(src[i:end]) {
				return hugeNumber(at(name, src, i))
			}
			i = end - 1
		case c == '{' || c == '[':
			if depth++; depth > MaxNesting {
				return tooDeep(at(name, src, i))
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	spend(4*tokenSteps*values, 4*tokenBytes*values)
	return nil
}

func checkTemplate(name string, src []byte, begin, end int) hcl.Diagnostics {
	quoted := src[begin:end]
	if !bytes.Contains(quoted, []byte("{")) {
		return nil
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return nil // the parser says it better
	}
	tokens, _ := hclsyntax.LexTemplate([]byte(text), name, hcl.InitialPos)
	diags := checkTokens(tokens)
	for _, d := range diags {
		d.Subject = at(name, src, begin).Ptr()
	}
	return diags
}

// at is the range of one byte.
func at(name string, src []byte, offset int) hcl.Range {
	line := 1 + bytes.Count(src[:offset], []byte{'\n'})
	column := offset - bytes.LastIndexByte(src[:offset], '\n')
	return hcl.Range{Filename: name, Start: hcl.Pos{Line: line, Column: column, Byte: offset}, End: hcl.Pos{Line: line, Column: column + 1, Byte: offset + 1}}
}

// validUTF8 finds the first byte that is none.
func validUTF8(src []byte) (int, bool) {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i, false
		}
		i += n
	}
	return 0, true
}
