package deadletter

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a normalised error.
const (
	mostText    = 4 << 10 // bytes that are looked at
	mostLetters = 300
	mostRemoved = 16 // parts of one error that are kept
	removedSize = 64 // bytes of one of them
)

const gap = "…"

// varying is what varies within a word. Earlier alternatives win where several begin at
// the same place; of a match, the part in a group varies.
var varying = regexp.MustCompile(strings.Join([]string{
	`(?i:\b(?:x509|sha-?\d+|ed25519|aes-?\d+|[rhep]s?256|utf-?\d+|(?:u?int|float)\d+|iso-?8859|cp1252|ora-\d+)\b)`, // names
	`\b([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\b`,                            // a UUID
	`([\w.+-]+@[\w-]+(?:\.[\w-]+)+)`, // an address of mail
	`\b(\d{4}[-/]\d\d[-/]\d\d(?:T\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)`, // a day, with a time
	`\b(\d\d:\d\d:\d\d(?:[.,]\d+)?Z?)`,                         // a time of day
	`\b((?:\d+(?:\.\d+)?(?:ns|µs|us|ms|h|m|s))+)\b`,            // a duration
	`(\[[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-zA-Z.:%]*\](?::\d+)?)`, // addresses of IP and hosts
	`\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:[:/]\d+)?)\b`,
	`\b([a-zA-Z0-9](?:[\w.-]*\w)?:\d{2,5})\b`,
	`(?:\w+://)?[\w.~%+-]*/[\w.~%+-]+/([^\s)\],;:?]*[^\s)\],;:?.](?:\?[^\s)\],;:]*)?)`, // a path, below its second slash
	`\?([\w.~%+-]+=[^\s)\],;]*)`,                                                       // a query
	`(0x[0-9a-fA-F]+)\b`,
	`\b([0-9a-fA-F]{8,})\b`,
	`\b([0-9A-Za-z]{16,})\b`,
	`(\d[\d,.]*\d\d|\d[\d,]*\.\d\d)`, // a number of three digits and more
}, "|"))

// normalise takes out of an error's text what varies, and returns that too.
func normalise(text string) (normal string, removed []string) {
	n := normaliser{left: text[:min(len(text), mostText)]}
	for n.left != "" && n.letters < 2*mostLetters {
		n.next()
	}
	return clip(n.out.String()), n.removed
}

type normaliser struct {
	left    string
	out     strings.Builder
	letters int
	removed []string
	before  string // the word before, in small letters
}

// next takes what is quoted, spaces, or a word.
func (n *normaliser) next() {
	switch c := n.left[0]; {
	case strings.IndexByte(quotes, c) >= 0:
		n.quotation(c)
	case unicode.IsSpace(rune(c)):
		n.left = strings.TrimLeftFunc(n.left, unicode.IsSpace)
		n.write(" ")
	default:
		end := strings.IndexFunc(n.left, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(quotes, r) })
		if end < 0 {
			end = len(n.left)
		}
		word := n.left[:end]
		n.left = n.left[end:]
		n.word(word)
		n.before = strings.ToLower(strings.Trim(word, "()[]{}:,;=.!#"))
	}
}

const quotes = "\"'`"

// quotation takes what is quoted, whose text varies. Between backticks are expressions and
// names, which do not.
func (n *normaliser) quotation(c byte) {
	end := 0
	if c != '\'' || !n.within() {
		end = closing(n.left)
	}
	if end > 0 && c != '`' {
		n.write(n.left[:1])
		n.remove(n.left[1:end])
		n.left, n.before = n.left[end:], ""
		end = 0
	}
	n.write(n.left[:end+1])
	n.left = n.left[end+1:]
}

// within reports whether a letter comes right before, as it does of an apostrophe.
func (n *normaliser) within() bool {
	last, _ := utf8.DecodeLastRuneInString(n.out.String())
	return unicode.IsLetter(last) || unicode.IsDigit(last)
}

// closing returns where the quotation ends that begins text; 0: nowhere.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] == text[0]:
			if text[0] != '\'' || i+1 == len(text) || !isLetter(text[i+1]) {
				return i
			}
		}
	}
	return 0
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// word writes a word without what varies in it.
func (n *normaliser) word(word string) {
	if !strings.ContainsAny(word, "0123456789/@[?") && len(word) < 16 || n.isCode(word) {
		n.write(word)
		return
	}
	from := 0
	for _, found := range varying.FindAllStringSubmatchIndex(word, -1) {
		for g := 2; g < len(found); g += 2 {
			if begin, end := found[g], found[g+1]; begin >= 0 && varies(word[begin:end]) {
				n.write(word[from:begin])
				n.remove(word[begin:end])
				from = end
			}
		}
	}
	n.write(word[from:])
}

// varies reports whether what looks like an identifier is one: words have no digits.
func varies(part string) bool {
	return len(part) < 8 || strings.ContainsAny(part, "0123456789/@:=")
}

// codes are words before a number that says what is wrong.
var codes = map[string]bool{"status": true, "code": true, "http/1.0": true, "http/1.1": true, "http/2": true, "http/2.0": true, "http": true, "exception": true, "sqlstate": true, "errno": true, "error": true}

// isCode reports whether a word is a number that says what is wrong.
func (n *normaliser) isCode(word string) bool {
	core := strings.Trim(word, "()[]:,;.")
	if len(core) > 5 || core == "" {
		return false
	}
	if codes[n.before] {
		return true
	}
	status, err := strconv.Atoi(core)
	if err != nil || len(core) != 3 {
		return false
	}
	first, _, _ := strings.Cut(http.StatusText(status), " ")
	return first != "" && strings.HasPrefix(strings.TrimLeft(n.left, " "), first)
}

func (n *normaliser) write(text string) {
	n.out.WriteString(text)
	n.letters += utf8.RuneCountInString(text)
}

// remove writes that something was there.
func (n *normaliser) remove(part string) {
	n.write(gap)
	if part != "" && len(n.removed) < mostRemoved {
		n.removed = append(n.removed, strings.ToValidUTF8(part[:min(len(part), removedSize)], ""))
	}
}

func clip(text string) string {
	for strings.Contains(text, gap+" "+gap) {
		text = strings.ReplaceAll(text, gap+" "+gap, gap)
	}
	if utf8.RuneCountInString(text) <= mostLetters {
		return text
	}
	return string([]rune(text)[:mostLetters-1]) + gap
}
