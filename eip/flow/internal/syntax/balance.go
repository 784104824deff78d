package syntax

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// An opener is a bracket or quote that is open.
type opener struct {
	hclsyntax.Token
	head   hclsyntax.Token // the first of what stands before it on its line: a block's type
	indent int             // the column where its line begins
}

var closes = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenCBrace: hclsyntax.TokenOBrace, hclsyntax.TokenCBrack: hclsyntax.TokenOBrack, hclsyntax.TokenCParen: hclsyntax.TokenOParen,
	hclsyntax.TokenCQuote: hclsyntax.TokenOQuote, hclsyntax.TokenCHeredoc: hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateSeqEnd: hclsyntax.TokenTemplateInterp,
}

var opens = map[hclsyntax.TokenType]bool{hclsyntax.TokenTemplateControl: true}

func init() {
	for _, o := range closes {
		opens[o] = true
	}
}

// unbalanced says which bracket or quote is left open, or is one too many; nil where
// none is. The parser tells only where it is at a loss, which is far behind, or at the
// block around all. Where a closing brace stands below the line of an outer block, it was
// meant for that.
func unbalanced(name string, src []byte) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // what is wrong with them is known
	var open []opener
	var head, line hclsyntax.Token
	var suspect *opener
	fresh, begins := true, true // the next token begins what stands before a brace, or a line
	for _, t := range tokens {
		if begins && t.Type != hclsyntax.TokenNewline {
			line, begins = t, false
		}
		if fresh {
			head, fresh = t, false
		}
		switch {
		case opens[t.Type]:
			open = append(open, opener{t, head, line.Range.Start.Column})
		case t.Type == hclsyntax.TokenQuotedNewline && len(open) > 0:
			top := open[len(open)-1]
			if n := len(open); n > 1 && closes[hclsyntax.TokenTemplateSeqEnd] == open[n-2].Type && open[n-2].Range.Start.Line == top.Range.Start.Line {
				top = open[n-2]
			}
			return top.leftOpen(src)
		case closes[t.Type] != 0:
			if len(open) == 0 {
				return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Bracket too many", Subject: t.Range.Ptr(),
					Detail: fmt.Sprintf("No block, brace or bracket is open that this %s could close. Take it away, or open it before.", t.Bytes)}
			}
			top := open[len(open)-1]
			open = open[:len(open)-1]
			if top.Type != closes[t.Type] && (top.Type != hclsyntax.TokenTemplateControl || t.Type != hclsyntax.TokenTemplateSeqEnd) {
				return top.leftOpen(src)
			}
			if t.Type == hclsyntax.TokenCBrace && t.Range == line.Range && suspect == nil && t.Range.Start.Column < top.indent && slices.ContainsFunc(open, func(o opener) bool { return o.indent == t.Range.Start.Column }) {
				suspect = &top
			}
		}
		begins = begins || t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n"))
		fresh = begins || t.Type == hclsyntax.TokenOBrace || t.Type == hclsyntax.TokenCBrace
	}
	switch {
	case len(open) == 0:
		return nil
	case suspect != nil:
		return suspect.leftOpen(src)
	}
	return open[len(open)-1].leftOpen(src)
}

var isBlock = regexp.MustCompile(`^[\w-]+(\s+("[^"]*"|[\w-]+))*$`)

// leftOpen says that it is not closed, and what would.
func (o *opener) leftOpen(src []byte) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Bracket left open", Subject: o.Range.Ptr()}
	what, by := fmt.Sprintf("The %s that opens here", o.Bytes), map[hclsyntax.TokenType]string{hclsyntax.TokenOBrack: "the closing bracket ]", hclsyntax.TokenOParen: "the closing parenthesis )"}[o.Type]
	switch o.Type {
	case hclsyntax.TokenOQuote:
		d.Summary = "Quote left open"
		d.Detail = "The text in quotes that begins here does not end on its line. Write the other quote; a text of several lines is a heredoc, <<EOT, or has \\n."
		return d
	case hclsyntax.TokenOHeredoc:
		d.Summary = "Text left open"
		d.Detail = fmt.Sprintf("The text that begins here does not end. Write %s alone on a line.", strings.TrimLeft(strings.TrimSpace(string(o.Bytes)), "<-"))
		return d
	case hclsyntax.TokenOBrace:
		if before := strings.TrimSpace(string(src[o.head.Range.Start.Byte:o.Range.Start.Byte])); isBlock.MatchString(before) {
			what = "The brace of " + before
		}
	}
	if by == "" {
		by = "the closing brace }"
	}
	d.Detail = fmt.Sprintf("%s is not closed. Write %s where it ends.", what, by)
	return d
}
