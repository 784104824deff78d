package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
)

// probed puts a Test Message in, and returns its end as JSON.
func probed(t *testing.T, p *process, a args) string {
	t.Helper()
	a["test"] = true
	report := do[control.Injected](t, p.client, "inject", "orders", a)
	if report.Test == nil || len(report.Test.Ends) != 1 {
		t.Fatalf("%+v", report)
	}
	text, err := json.Marshal(report.Test.Ends[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRedact_EverySpellingAndPlace(t *testing.T) {
	for name, tt := range map[string]struct {
		redact, body string
		headers      args
	}{
		"two spellings of a header":  {"headers.token", `1`, args{"token": "411122223333", "Token": "411122223333", "TOKEN": "411122223333"}},
		"a table in a header":        {"headers.user.card", `1`, args{"user": args{"Card": "411122223333", "cards": "5"}}},
		"a header with a dot":        {"headers.user.card", `1`, args{"user.card": "411122223333"}},
		"two spellings in a body":    {"body.card", `{"card": "411122223333", "Card": 411122223333, "cARD": {"x": [411122223333]}}`, nil},
		"one key twice":              {"body.card.number", `{"card": {"number": "411122223333"}, "card": {"number": 411122223333}}`, nil},
		"an escaped key":             {"body.card", `{"\u0063ard": "411122223333"}`, nil},
		"in a list":                  {"body.items.card", `{"items": [{"card": "411122223333"}, [{"card": "411122223333"}]]}`, nil},
		"in a list, by its index":    {"body.items.0.card", `{"items": [{"card": "411122223333"}]}`, nil},
		"in a list, by any":          {"body.items.*.card", `{"items": [{"card": "411122223333"}]}`, nil},
		"a list itself":              {"body.items", `{"items": ["411122223333"]}`, nil},
		"a body that is a list":      {"body.card", `[{"card": "411122223333"}]`, nil},
		"a key with a dot":           {"body.user.card", `{"user.card": "411122223333"}`, nil},
		"a body that is no JSON":     {"body.card", `card=411122223333`, nil},
		"a body that is broken":      {"body.card", `{"card": "411122223333"`, nil},
		"a body with more behind it": {"body.card", `{"x": 1}{"card": "411122223333"}`, nil},
		"the whole body":             {"body", `"411122223333"`, nil},
		"an encoded body":            {"body.card", `deflated:{"card": "411122223333"}`, nil},
		"too long to be looked into": {"body.card", `{"card": "411122223333", "x": "` + strings.Repeat("x", 1<<20) + `"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("flow \"orders\" {\n from = adapter.in\n mark \"one\" {}\n to = adapter.out\n}\ncontrol_bus {\n redact = [%q]\n}\n", tt.redact)
			p, in, out := run(t, text)
			given := func() args { return args{"body": tt.body, "headers": tt.headers} }
			enter := func() { _, _ = try[any](t, p.client, "inject", "orders", given()) }
			if len(tt.body) > 1<<20 || strings.HasPrefix(tt.body, "deflated:") {
				enter = func() { in.in <- tt.body }
			} else if end := probed(t, p, given()); strings.Contains(end, "411122223333") || !strings.Contains(end, "[redacted]") {
				t.Errorf("a Test Message's end is %.300s", end)
			}
			entered := make(chan bool)
			copies, _ := tapping(t, p.client, "orders", args{"count": 1}, func() {
				defer close(entered)
				enter()
			})
			<-entered
			out.await(t, 1)
			if text, _ := json.Marshal(copies); strings.Contains(string(text), "411122223333") || !strings.Contains(string(text), "[redacted]") {
				t.Errorf("a tap shows %.300s", text)
			}
		})
	}
}

// What is redacted cannot be asked for.
func TestTap_ComparesWhatIsRedacted(t *testing.T) {
	p, in, out := run(t, tapped)
	const body = `{"n": 7, "card": {"number": "411122223333", "name": "x"}, "list": [1, 2, 3]}`
	for condition, want := range map[string]int{
		"body.card.number startsWith '4'":             0,
		"body.card.number == '411122223333'":          0,
		"toJSON(body) contains '411122223333'":        0,
		"any(values(body.card), # == '411122223333')": 0,
		"body.card.number == '[redacted]'":            1,
		"body.n == 7 || body.n == 8":                  1,
		"any(body.list, # > 2)":                       1,
		"message.channel == 'x'":                      0,
		"headers.secret == nil":                       1,
		"body.none.deeper == 1":                       0,
		"len(1..9999999) > 1":                         0,
		"any(1..9999, any(1..9999, false))":           0,
		"len(repeat('x', 9999999)) > 0":               0,
	} {
		copies, end := tapping(t, p.client, "orders", args{"if": condition, "for": "100ms"}, func() { in.in <- body })
		if len(copies) != want || end.Dropped != 0 {
			t.Errorf("%s: %d copies, %+v", condition, len(copies), end)
		}
	}
	out.await(t, 13)
	copies, _ := tapping(t, p.client, "orders", args{"if": "body.n == 7 && body.card.number == '[redacted]'", "for": "100ms"}, func() { in.in <- "deflated:" + body })
	if len(copies) != 1 {
		t.Errorf("of an encoded body there are %d copies", len(copies))
	}
}

// An error that quotes what is redacted says it neither in a report nor in a dead
// letter.
func TestRedact_Errors(t *testing.T) {
	for name, tt := range map[string]struct{ redact, body, kept string }{
		"a text":            {"body.card", `{"card": "411122223333-22", "n": 1}`, "does not take"},
		"a number":          {"body.card", `{"card": 411122223333222333444555666, "n": 1}`, "does not take"},
		"a nested one":      {"body.card", `{"card": {"a": ["411122223333-22"]}, "n": 1}`, "does not take"},
		"a header":          {"headers.card", `{"n": 1}`, "does not take"},
		"the whole body":    {"body", `{"card": "411122223333-22", "n": 1}`, "does not take"},
		"a body of no JSON": {"body.card", `411122223333-22 is the card`, "does not take"},
		"an encoded body":   {"body.card", `deflated:{"card": "411122223333-22", "n": 1}`, "does not take"},
		"encoded, no JSON":  {"body.card", `deflated:411122223333-22 is the card`, "does not take"},
		"encoded and long":  {"body.card", `deflated:{"card": "411122223333-22", "x": "` + strings.Repeat(" ", 1<<20) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, in, out := run(t, fmt.Sprintf(`
adapter "basin" "dead" {
  name = %q
}
flow "orders" {
  from = adapter.in
  mark "one" {}
  to = adapter.out
  retry {
    attempts = 1
  }
  dead_letter = adapter.dead
}
control_bus {
  redact = [%q]
}
`, t.Name()+"dead", tt.redact))
			out.refuse = func(m *eip.Message) error {
				body, err := m.Content()
				return eip.Permanent(errors.Join(fmt.Errorf("the server does not take %.100s, %v", body, m.Headers["card"]), err))
			}
			in.in <- tt.body
			dead := poolOf(t.Name() + "dead")
			dead.await(t, 1)
			says := fmt.Sprint(dead.messages()[0].Headers[header.Error])
			if strings.Contains(says, "411122223333") || !strings.Contains(says, tt.kept) || !strings.Contains(says, "(sensitive)") && !strings.Contains(says, "[redacted]") && tt.redact != "headers.card" {
				t.Errorf("eip-error is %q", says)
			}
			_, err := try[any](t, p.client, "inject", "orders", args{"body": tt.body, "headers": args{"card": "411122223333-22"}})
			if tt.redact == "headers.card" && strings.Contains(fmt.Sprint(err, dead.messages()[len(dead.messages())-1].Headers[header.Error]), "411122223333") {
				t.Errorf("%v, %v", err, dead.messages())
			}
		})
	}
}
