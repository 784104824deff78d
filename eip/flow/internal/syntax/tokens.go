package syntax

import "bytes"

// tokens counts about how many tokens a file in native syntax has, and finds where
// its brackets are nested too deep; -1 where they are not. To find that out exactly
// takes a hundred times the file's size in memory.
func tokens(src []byte) (n, deep int) {
	s := scan{src: src, deep: -1}
	for s.i < len(src) {
		s.next()
	}
	return s.n, s.deep
}

// scan is where in a file, and in how many templates in each other.
type scan struct {
	src         []byte
	i, n        int
	open        []template
	depth, deep int
}

// A template is a text in quotes or a heredoc, and how many braces are open in its
// part that is no text; -1 in its text.
type template struct {
	end    []byte // of a heredoc
	braces int
}

func (s *scan) next() {
	rest := s.src[s.i:]
	if n := len(s.open); n > 0 && s.open[n-1].braces < 0 {
		s.text(&s.open[n-1], rest)
		return
	}
	s.n++
	switch rest[0] {
	case '{', '[', '(':
		if s.depth++; s.depth > MaxNesting && s.deep < 0 {
			s.deep = s.i
		}
	case '}', ']', ')':
		s.depth--
	}
	size := 1
	switch c := rest[0]; {
	case c == '#', bytes.HasPrefix(rest, []byte("//")):
		if size = bytes.IndexByte(rest, '\n') + 1; size == 0 {
			size = len(rest)
		}
	case bytes.HasPrefix(rest, []byte("/*")):
		if size = bytes.Index(rest, []byte("*/")) + 2; size == 1 {
			size = len(rest)
		}
	case c == '"':
		s.open = append(s.open, template{braces: -1})
	case bytes.HasPrefix(rest, []byte("<<")):
		size = s.heredoc(rest)
	case c == ' ' || c == '\t' || c == '\r':
		s.n--
	case isName(c):
		for size < len(rest) && (isName(rest[size]) || rest[size] == '-') {
			size++
		}
	case c == '{' && len(s.open) > 0:
		s.open[len(s.open)-1].braces++
	case c == '}' && len(s.open) > 0:
		s.open[len(s.open)-1].braces--
	}
	s.i += size
}

func isName(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// heredoc opens one whose first line is at hand.
func (s *scan) heredoc(rest []byte) int {
	line, _, ok := bytes.Cut(rest, []byte("\n"))
	name := bytes.TrimPrefix(bytes.TrimRight(line[2:], "\r"), []byte("-"))
	if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r < 0x80 && !isName(byte(r)) && r != '-' }) {
		return 1
	}
	s.open = append(s.open, template{end: name, braces: -1})
	return len(line) + 1
}

// text goes on to where a template's text ends, or a part of it.
func (s *scan) text(t *template, rest []byte) {
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case (c == '$' || c == '%') && i+1 < len(rest) && rest[i+1] == '{':
			s.n, s.i = s.n+2, s.i+i+2
			t.braces = 0
			return
		case c == '$' || c == '%':
			s.n++
		case t.end == nil && c == '\\':
			i++
		case t.end == nil && (c == '"' || c == '\n'), t.end != nil && c == '\n' && s.ends(t.end, rest[i+1:]):
			s.n, s.i = s.n+2, s.i+i+1
			s.open = s.open[:len(s.open)-1]
			return
		case c == '\n':
			s.n++
		}
	}
	s.i = len(s.src)
}

func (s *scan) ends(name, rest []byte) bool {
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return bytes.Equal(bytes.TrimSpace(line), name)
}
