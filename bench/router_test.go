package main

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkRouter measures all contestants; one operation is one message.
func BenchmarkRouter(b *testing.B) {
	for _, c := range contestants {
		b.Run(c.name, func(b *testing.B) {
			f := newFeed(b.N)
			stop, err := c.start(f)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(f.bodies[0])))
			b.ResetTimer()
			close(f.gate)
			<-f.finished
			b.StopTimer()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
			if got, want := f.counts(), expected(b.N); !f.uncounted && got != want {
				b.Fatalf("routed %v, want %v", got, want)
			}
		})
	}
}

// pass runs c over f's messages.
func pass(t *testing.T, c contestant, f *feed) {
	t.Helper()
	stop, err := c.start(f)
	if err != nil {
		t.Fatal(err)
	}
	close(f.gate)
	<-f.finished
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// All contestants do the same work.
func TestContestants_RouteAlike(t *testing.T) {
	for _, c := range contestants {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed(distinct)
			if strings.HasPrefix(c.name, "benthos") {
				c.start = startBenthosCounted
			}
			pass(t, c, f)
			if got, want := f.counts(), expected(distinct); got != want {
				t.Errorf("routed %v, want %v", got, want)
			}
			if n := f.invalid.Load(); n != 0 {
				t.Errorf("%d messages were invalid", n)
			}
			if f.tapped.Load() == 0 {
				t.Error("nothing was tapped")
			}
		})
	}
}

// Every kind of damage is noticed by a flow file's router: the message goes to the
// invalid-message channel, and to no branch, also where what the branches read is
// whole.
func TestFlowFile_NoticesMalformedBodies(t *testing.T) {
	good := corpus().bodies[0]
	edit := func(old, with string) []byte {
		bad := bytes.Replace(good, []byte(old), []byte(with), 1)
		if bytes.Equal(bad, good) {
			t.Fatalf("there is no %q to damage", old)
		}
		return bad
	}
	damaged := map[string][]byte{
		"cut short":                good[:len(good)-1],
		"cut in the last text":     good[:len(good)-10],
		"something follows":        append(bytes.Clone(good), " {}"...),
		"a comma too many":         edit(`"}`, `",}`),
		"a comma too few":          edit(`,"currency"`, ` "currency"`),
		"a quote too few":          edit(`"warehouse":"`, `"warehouse":`),
		"no number":                edit(`"version":3`, `"version":03`),
		"a bare word":              edit(`"coupon":null`, `"coupon":none`),
		"a wrong escape":           edit(`\"back`, `\q"back`),
		"a control character":      edit("lorem", "lor\nm"),
		"bytes that are no UTF-8":  edit("lorem", "lor\xffm"),
		"nothing":                  {},
		"damage before the fields": edit(`"source":"shop"`, `"source":shop`),
		"damage after the fields":  edit(`"tags":[`, `"tags":[[`),
	}
	for name, body := range damaged {
		t.Run(name, func(t *testing.T) {
			f := newFeed(3)
			f.bodies = [][]byte{good, body, good}
			pass(t, contestants[0], f)
			var routed int64
			for _, n := range f.counts() {
				routed += n
			}
			if n := f.invalid.Load(); n != 1 || routed != 2 {
				t.Errorf("%d messages were invalid and %d were routed, want 1 and 2", n, routed)
			}
		})
	}
}
