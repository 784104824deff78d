package local

import (
	"fmt"
	"strings"
)

// A Pattern selects keys as an AMQP topic exchange does: words between dots, where
// * stands for exactly one word and # for any number of words. The zero Pattern
// selects everything.
type Pattern []string

// ParsePattern reads a pattern; "" is the one that selects everything.
func ParsePattern(s string) (Pattern, error) {
	if s == "" || s == "#" {
		return nil, nil
	}
	p := Pattern(strings.Split(s, "."))
	for _, word := range p {
		if len(word) > 1 && strings.ContainsAny(word, "*#") {
			return nil, fmt.Errorf("in %q, * and # must be words of their own, between dots, as in orders.*.eu", s)
		}
	}
	return p, nil
}

// Match reports whether the pattern selects key. It takes time proportional to the
// length of both, however many # there are.
func (p Pattern) Match(key string) bool {
	if p == nil {
		return true
	}
	at, i := 0, 0       // word of the pattern, byte of the key
	hash, retry := 0, 0 // the last # and the first byte that it does not cover
	if key == "" {
		i = 1 // no word, rather than one empty word
	}
	seen := false
	for i <= len(key) {
		if at < len(p) && p[at] == "#" {
			hash, retry, seen = at, i, true
			at++
			continue
		}
		if word, after := wordAt(key, i); at < len(p) && (p[at] == "*" || p[at] == word) {
			at, i = at+1, after
			continue
		}
		if !seen {
			return false
		}
		_, retry = wordAt(key, retry) // let the # cover one word more
		at, i = hash+1, retry
	}
	for at < len(p) && p[at] == "#" {
		at++
	}
	return at == len(p)
}

// wordAt returns the word that starts at byte i, and where the next one starts.
func wordAt(key string, i int) (word string, after int) {
	if n := strings.IndexByte(key[i:], '.'); n >= 0 {
		return key[i : i+n], i + n + 1
	}
	return key[i:], len(key) + 1
}
