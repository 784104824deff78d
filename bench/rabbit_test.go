package main

import (
	"bytes"
	"testing"
)

// A message that is altered, or where it does not belong, is noticed.
func TestWork_Identify(t *testing.T) {
	w := work{n: 2 * distinct, belongs: func(to route) []string { return []string{"audit", routeNames[to]} }}
	const i = distinct + 7
	right, wrong := routeNames[corpus().routes[7]], routeNames[(corpus().routes[7]+1)%routes]
	altered := numbered(i)
	altered[len(altered)-20]++
	for _, c := range []struct {
		name, queue string
		body        []byte
		whole       bool
	}{
		{"where it belongs", right, numbered(i), true},
		{"its copy", "audit", numbered(i), true},
		{"in another's queue", wrong, numbered(i), false},
		{"altered", right, altered, false},
		{"cut short", right, numbered(i)[:20], false},
		{"without a number", right, bytes.Replace(numbered(i), []byte("0000"), []byte("zero"), 1), false},
		{"of another run", right, numbered(w.n), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := w.identify(c.queue, c.body)
			if c.whole != (err == nil) || c.whole && got != i {
				t.Errorf("message %d, %v", got, err)
			}
		})
	}
	sum := 0
	for _, count := range w.targets() {
		sum += count
	}
	if w.targets()["audit"] != w.n || sum != 2*w.n {
		t.Errorf("the targets are %v", w.targets())
	}
}
