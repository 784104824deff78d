package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"

	"github.com/eipd/eipd/internal/nearest"
	"github.com/eipd/eipd/internal/visible"
)

// An Error says why an expression does not compile.
type Error struct {
	From, To int    // the guilty part of the source, in bytes
	Message  string // a sentence
	Hint     string // what to do instead, a sentence; may be empty
}

func (e *Error) Error() string { return strings.TrimSpace(e.Message + " " + e.Hint) }

// at makes an Error about a place that expr counts in characters.
func at(source string, l file.Location, hint, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...), Hint: hint}
	e.From, e.To = byteOffset(source, l.From), byteOffset(source, l.To)
	if e.To <= e.From { // at least one character, the last one where nothing follows
		_, size := utf8.DecodeRuneInString(source[e.From:])
		if e.To = e.From + size; size == 0 {
			_, size = utf8.DecodeLastRuneInString(source)
			e.From -= size
		}
	}
	return e
}

// whole makes an Error about all of the source but the white space around it.
func whole(source, format string, args ...any) *Error {
	e := &Error{To: len(source), Message: fmt.Sprintf(format, args...)}
	if trimmed := strings.TrimSpace(source); trimmed != "" {
		e.From = strings.Index(source, trimmed)
		e.To = e.From + len(trimmed)
	}
	return e
}

func byteOffset(s string, runes int) int {
	for i := range s {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(s)
}

// translate makes an Error of what expr says.
func translate(source string, err error) *Error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return whole(source, "This cannot be compiled: %s.", plain(line))
	}
	message, hint := sentence(fe.Message)
	if hint == "" && (strings.HasPrefix(fe.Message, "unexpected ") || strings.Contains(fe.Message, unterminated)) {
		hint = quoted(source)
	}
	return at(source, fe.Location, hint, "%s", message)
}

var (
	unexpected = regexp.MustCompile(`^unexpected token \w+\("(.*)"\)$`)
	mismatched = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (.+?)(?: and (.+))?\)$`)
	noMember   = regexp.MustCompile(`^type (.+) has no (?:field|method) (\S+)$`)
	badArg     = regexp.MustCompile(`^cannot use (.+) as argument \(type (.+)\) to call (\S+)\s*$`)
	noList     = regexp.MustCompile(`^builtin (\w+) takes only array \(got (.+)\)$`)
	noBoolean  = regexp.MustCompile(`^(?:predicate should return boolean|non-bool expression) \((?:got|type) (.+)\)`)
)

// sentence turns a message of expr into one or two of ours.
func sentence(message string) (what, hint string) {
	line, _, _ := strings.Cut(message, "\n")
	switch m := []string(nil); {
	case line == "unexpected token EOF" || line == "unexpected end of expression":
		return "The expression ends too early.", ""
	case line == unterminated:
		return "This text has no closing quote.", ""
	case match(unexpected, line, &m):
		switch m[1] {
		case "=":
			return "An expression sets nothing.", "Compare with ==."
		case "&":
			return "There is no operator &.", "Did you mean &&?"
		}
		if l := strings.ToLower(m[1]); l != m[1] && (l == "and" || l == "or" || l == "in" || l == "not") {
			hint = fmt.Sprintf("Did you mean %q?", l)
		}
		return fmt.Sprintf("%q does not fit here.", short(m[1])), hint
	case match(mismatched, line, &m) && m[3] == "":
		return fmt.Sprintf("%s does not take %s.", m[1], typeWord(m[2])), ""
	case match(mismatched, line, &m):
		if m[1] == "+" && (m[2] == "string" || m[3] == "string") {
			hint = "Make text of a value with string(…)."
		}
		return fmt.Sprintf("%s does not take %s and %s.", m[1], typeWord(m[2]), typeWord(m[3])), hint
	case match(noMember, line, &m):
		return fmt.Sprintf("%q is no member of %s.", short(m[2]), typeWord(m[1])), ""
	case match(badArg, line, &m):
		return fmt.Sprintf("%q takes %s here, and not %s.", m[3], typeWord(m[2]), typeWord(m[1])), ""
	case match(noList, line, &m):
		return fmt.Sprintf("%q takes a list, and not %s.", m[1], typeWord(m[2])), ""
	case match(noBoolean, line, &m):
		return fmt.Sprintf("This condition must be true or false, and is %s.", typeWord(m[1])), ""
	}
	if reason, ok := strings.CutPrefix(line, "error parsing regexp: "); ok {
		return "This is no regular expression: " + short(reason) + ".", ""
	}
	line = short(strings.TrimPrefix(plain(line), "invalid operation: "))
	r, size := utf8.DecodeRuneInString(line)
	return strings.ToUpper(string(r)) + line[size:] + ".", ""
}

var (
	values = regexp.MustCompile(`[{]\s*(?:body|headers|message)\b`) // as in the templates of others
	code   = regexp.MustCompile(`\b(?:body|headers|message)[.\[]|\w\(|==|&&|\|\|`)
	member = regexp.MustCompile(`\w\.\w`)
)

// quoted suggests quotes for what looks like text that somebody wrote as it is.
func quoted(source string) string {
	url := strings.Contains(source, "://")
	switch {
	case len(source) > 60 || strings.IndexFunc(source, unicode.IsLetter) < 0 || strings.ContainsAny(source, "\"`\\\n"):
	case values.MatchString(source):
		return "Text and values are joined by +: \"'hello ' + string(body.name)\"."
	case code.MatchString(source), strings.ContainsAny(source, "[]{}=|") && !url, strings.ContainsAny(source, "<>&") && source[0] != '<', member.MatchString(source) && !url, strings.Count(source, "'")%2 == 0 && strings.Contains(source, "'"):
	case strings.Contains(source, "'"):
		return fmt.Sprintf("If it is text, put quotes inside the quotes: \"\\\"%s\\\"\".", source)
	default:
		return fmt.Sprintf("If it is text, put quotes inside the quotes: \"'%s'\".", source)
	}
	return ""
}

// unterminated is what expr's lexer says.
const unterminated = "literal not terminated"

// short cuts what may quote a whole expression or message.
func short(s string) string { return visible.Short(s, 200) }

func match(re *regexp.Regexp, s string, m *[]string) bool {
	*m = re.FindStringSubmatch(s)
	return *m != nil
}

// typeWord is the word for a type of Go.
func typeWord(name string) string {
	switch name {
	case "string":
		return "text"
	case "bool":
		return "true or false"
	case "interface", "unknown":
		return "any"
	}
	return plain(name)
}

// plain replaces Go's names of types in a message by those that expressions know.
func plain(message string) string { return goTypes.Replace(message) }

var goTypes = strings.NewReplacer(
	"map[interface {}][]interface {}", "map", "map[string]interface {}", "map", "[]interface {}", "list", "[][2]interface {}", "list",
	"[]int", "list", "[]string", "list", "[]float64", "list", "[]uint8", "bytes", "array", "list",
	"json.Number", "number", "interface {}", "any", "<nil>", "nil", "float64", "float", "uint8", "int", "int64", "int",
	"expression.envelope", "message", "expression.sequence", "message.sequence", "time.Time", "time", "time.Duration", "duration",
	"runtime error: ", "", "reflect: ", "",
)

// didYouMean suggests one of names, or lists them where they are few.
func didYouMean(given string, names []string) string {
	switch best := nearest.Of(given, names); {
	case best != "":
		return fmt.Sprintf("Did you mean %q?", best)
	case len(names) <= 16:
		return "There is " + strings.Join(names, ", ") + "."
	}
	return ""
}
