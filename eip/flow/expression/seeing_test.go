package expression_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
)

func TestSeeing(t *testing.T) {
	both, alone := []string{"body", "headers", "message", "group", "value"}, []string{"group"}
	group := eip.New([]byte(`{"group":{"key":"k","count":2,"messages":[{"body":1.10},{"body":2}],"none":null},"value":7}`), nil).
		With(func(m *eip.Message) { m.ContentType = "application/json" })
	for source, c := range map[string]struct {
		names       []string
		want, reads string
	}{
		`group.count == body.n`:                          {both, "true", "[group.count]"},
		`value + body.n`:                                 {both, "9", "[value]"},
		`map(group.messages, #.body)[0]`:                 {alone, "1.10", "[group.messages]"},
		`sum(map(group.messages, #.body)) + group.count`: {alone, "5.1", "[group.messages group.count]"},
		`group`:                 {alone, "map", "[group]"},
		`group["count"]`:        {alone, "2", "[group.count]"},
		`group?.none?.x`:        {alone, "nil", "[group.none]"},
		`group["co" + "unt"]`:   {alone, "2", "[group]"},
		`let g = group; g.key`:  {alone, "k", "[group]"},
		`group.none.x`:          {alone, "group.none is nil and has no member x", "[group.none]"},
		`group.count.x`:         {alone, "group.count is a number and has no member x", "[group.count]"},
		`body`:                  {alone, `There is no name "body".`, ""},
		`value`:                 {alone, `There is no name "value".`, ""},
		`grup.count`:            {alone, `There is no name "grup". Did you mean "group"?`, ""},
		`reply`:                 {both, "Only a merge sees reply.", ""},
		`headers.h + group.key`: {both, "xk", "[group.key]"},
		`replies`:               {both, `There is no name "replies".`, ""},
	} {
		f, reads, err := expression.Seeing(source, c.names)
		if err != nil {
			var text strings.Builder
			fmt.Fprint(&text, err)
			if e, ok := err.(*expression.Error); ok {
				text.WriteString(" " + e.Hint)
			}
			if !strings.Contains(text.String(), c.want) || c.reads != "" {
				t.Errorf("%s: %s, want %q", source, text.String(), c.want)
			}
			continue
		}
		m := eip.New([]byte(`{"n":2}`), nil).WithHeader("h", "x")
		v, err := f(t.Context(), m, group)
		got := fmt.Sprint(v)
		switch {
		case err != nil:
			got = err.Error()
		case v == nil:
			got = "nil"
		}
		if !strings.Contains(got, c.want) || fmt.Sprint(reads) != c.reads {
			t.Errorf("%s = %s, reads %v, want %s and %s", source, got, reads, c.want, c.reads)
		}
	}
}

func TestDeciding(t *testing.T) {
	for source, wrong := range map[string]string{
		"group.count == 2":    "",
		"group.value":         "",
		"value":               "",
		"group.first.body.ok": "",
		"body.last":           "",
		"!group.count":        "", // which shows when a message comes
		"group.count":         "This must be true or false, and group.count is neither.",
		"group":               "This must be true or false, and group is neither.",
		"group?.size":         "This must be true or false, and group.size is neither.",
		"len(group.messages)": "This must be true or false, and it is a number.",
		"'yes'":               "This must be true or false, and it is text.",
		"nil":                 "This must be true or false, and nil is neither.",
		"group.count = 2":     "=",
		"count == 2":          "count",
	} {
		_, _, err := expression.Deciding(source, []string{"body", "headers", "message", "group", "value"}, []string{"value", "group.value"})
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestListAndNumber(t *testing.T) {
	for source, wrong := range map[string][2]string{ // as a list, and as a number
		"body":             {},
		"body.items":       {},
		"body.n + 1":       {},
		"[1, 2]":           {"", "This must be a number, and it is a list."},
		"map(body, #)":     {"", "and it is a list"},
		"1 + 2":            {"This must be a list, and it is a number.", ""},
		"1.5":              {"a number", ""},
		"'abc'":            {"and it is text", "and it is text"},
		"true":             {"and it is a boolean", "and it is a boolean"},
		"nil":              {"This must be a list, and nil is none.", "This must be a number, and nil is none."},
		"duration('1m')":   {"and it is", "and it is"},
		"body ?? []":       {},
		"{'a': 1}":         {"and it is a map", "and it is a map"},
		"len(body.things)": {"a number", ""},
	} {
		_, asList := expression.List(source)
		_, asNumber := expression.Number(source)
		for i, err := range []error{asList, asNumber} {
			if (err == nil) != (wrong[i] == "") || err != nil && !strings.Contains(err.Error(), wrong[i]) {
				t.Errorf("%s: %v, want %q", source, err, wrong[i])
			}
		}
	}
}
