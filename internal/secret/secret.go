// Package secret keeps secrets out of what a process says: errors and log lines, the
// headers of dead letters, traces, diagnostics, answers on the control bus. All of
// that passes a [Set].
//
// A secret of four bytes and more is hidden wherever it stands, also as URLs, JSON
// and Go write it, in base64, and where half of it or more is left by who has cut a
// text. One of three is hidden where it is a word. One of less is hidden where it is
// a value: in quotes, in an expression, after an equals sign or colon. Of a URL, its
// password, query and fragment are hidden whether they are known or not.
package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Mask stands where a secret was.
const Mask = "(sensitive)"

const (
	anywhere = 4       // bytes: as much is hidden within words too
	cuttable = 8       // bytes: as much is hidden when cut in half
	spelled  = 4 << 10 // bytes: as much at most is hidden as others write it too
)

// A Set is what must not be said. The zero Set knows no secrets, and hides what may
// be one in URLs. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex // held by who adds
	seen  map[string]bool
	known atomic.Pointer[[]secret] // the longest first
}

type secret struct {
	text       string
	head, tail string // a half of it; "": it is not looked for
}

// Add adds secrets, and all ways in which they are written. Of one of several lines
// each line is one.
func (s *Set) Add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.copy()
	add := func(text string, halves bool) {
		if text == "" || s.seen[text] {
			return
		}
		s.seen[text] = true
		k := secret{text: text}
		if half := (len(text) + 1) / 2; halves && len(text) >= cuttable {
			k.head, k.tail = text[:half], text[len(text)-half:]
		}
		all = append(all, k)
	}
	for _, text := range texts {
		for _, written := range spellings(text) {
			add(written, written == text)
		}
		if lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= cuttable {
					add(line, true)
				}
			}
		}
	}
	s.store(all)
}

// Join adds what another Set knows by now.
func (s *Set) Join(of *Set) {
	theirs := of.known.Load()
	if theirs == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.copy()
	for _, k := range *theirs {
		if !s.seen[k.text] {
			s.seen[k.text] = true
			all = append(all, k)
		}
	}
	s.store(all)
}

// copy returns all that is known, to add to. The lock is held.
func (s *Set) copy() (all []secret) {
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	if known := s.known.Load(); known != nil {
		all = slices.Clone(*known)
	}
	return all
}

// store keeps all that is known, the longest first.
func (s *Set) store(all []secret) {
	slices.SortStableFunc(all, func(a, b secret) int { return cmp.Compare(len(b.text), len(a.text)) })
	s.known.Store(&all)
}

// spellings are a text, and how it is written by those who quote or encode it.
func spellings(text string) []string {
	all := []string{text, strings.TrimSpace(text)}
	if len(text) > spelled {
		return all
	}
	quoted := strconv.Quote(text)
	all = append(all, quoted[1:len(quoted)-1], url.QueryEscape(text), url.PathEscape(text))
	if _, password, ok := strings.Cut(url.UserPassword("", text).String(), ":"); ok {
		all = append(all, password)
	}
	if b, err := json.Marshal(text); err == nil {
		all = append(all, string(b[1:len(b)-1]))
	}
	for _, decode := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
		if decoded, err := decode(text); err == nil {
			all = append(all, decoded)
		}
	}
	if len(text) < anywhere {
		return all
	}
	return append(all, strings.ToUpper(text), strings.ToLower(text), base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text)))
}

// Learn looks into a setting that has a name: a secret is what the name says to be
// one, and the passwords in URLs.
func (s *Set) Learn(name, text string) {
	if _, err := strconv.ParseBool(text); err != nil && Named(name) {
		s.Add(text)
		if scheme, rest, ok := strings.Cut(text, " "); ok && len(scheme) < 12 { // Bearer …
			s.Add(rest)
		}
	}
	for _, found := range urls.FindAllStringSubmatch(text, -1) {
		rest := found[2]
		if at := userinfo(rest); at >= 0 {
			user, password, ok := strings.Cut(rest[:at], ":")
			if !ok {
				user, password = "", user
			}
			if password != user && password != "" { // guest:guest hides nothing
				s.Add(password)
				if login, err := url.PathUnescape(rest[:at]); err == nil { // as a request has it
					s.Add(base64.StdEncoding.EncodeToString([]byte(login)))
				}
			}
		}
		if _, query, ok := strings.Cut(rest, "?"); ok {
			values, _ := url.ParseQuery(query) // what could be read of it
			for name, all := range values {
				if Named(name) {
					s.Add(all...)
				}
			}
		}
	}
}

// Named reports whether a name is that of a secret, as DB_PASSWORD, X-Api-Key and
// Authorization are.
func Named(name string) bool { return names.MatchString(name) }

var names = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|(^|[_.-])pass|pwd|secret|token|credentials?|cookie|authorization|(api|access|private|secret|signing|encryption)[_.-]?key)\d*$`)

// Hide returns a text without what must not be said.
func (s *Set) Hide(text string) string {
	if strings.Contains(text, "://") {
		text = urls.ReplaceAllStringFunc(text, hideURL)
	}
	known := s.known.Load()
	if known == nil {
		return text
	}
	for _, k := range *known {
		switch {
		case len(k.text) >= anywhere:
			text = strings.ReplaceAll(text, k.text, Mask)
		default:
			text = hideWord(text, k.text)
		}
	}
	for _, k := range *known {
		if k.head != "" {
			text = hideCut(text, k)
		}
	}
	return text
}

// hideCut hides what is left of a secret where its other end was cut off.
func hideCut(text string, k secret) string {
	if i := strings.Index(text, k.head); i >= 0 {
		n := len(k.head)
		for n < len(k.text) && i+n < len(text) && text[i+n] == k.text[n] {
			n++
		}
		return text[:i] + Mask + hideCut(text[i+n:], k)
	}
	if i := strings.Index(text, k.tail); i >= 0 {
		n := len(k.tail)
		for n < len(k.text) && i > 0 && text[i-1] == k.text[len(k.text)-n-1] {
			i, n = i-1, n+1
		}
		return text[:i] + Mask + hideCut(text[i+n:], k)
	}
	return text
}

// hideWord hides a short secret where it is a word of its own.
func hideWord(text, short string) string {
	var out strings.Builder
	rest := text
	for {
		i := strings.Index(rest, short)
		if i < 0 {
			out.WriteString(rest)
			return out.String()
		}
		end := i + len(short)
		at := len(text) - len(rest) + i
		if isWord(text[:at], short, rest[end:]) && (len(short) == anywhere-1 || isValue(text[:at], rest[end:])) {
			out.WriteString(rest[:i] + Mask)
		} else {
			out.WriteString(rest[:end])
		}
		rest = rest[end:]
	}
}

func isWord(before, word, after string) bool {
	inWord := func(r rune, size int) bool {
		return size > 0 && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	return !(inWord(utf8.DecodeLastRuneInString(before)) && inWord(utf8.DecodeRuneInString(word))) &&
		!(inWord(utf8.DecodeLastRuneInString(word)) && inWord(utf8.DecodeRuneInString(after)))
}

// isValue reports whether what stands there is meant as a value, and is no word of a
// sentence.
func isValue(before, after string) bool {
	trimmed := strings.TrimRight(before, " ")
	switch {
	case before == "" && after == "", strings.Count(before, "`")%2 == 1, // an expression
		strings.HasSuffix(trimmed, "="), strings.HasSuffix(trimmed, `":`):
		return true
	case before == "":
		return false
	}
	return strings.ContainsAny(before[len(before)-1:], ":\"'/@") || strings.HasPrefix(after, "'") || strings.HasPrefix(after, `"`)
}
