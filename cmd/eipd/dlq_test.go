package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// The largest groups are shown, and all where they are asked for.
func TestDlqGroups_Most(t *testing.T) {
	seen := control.LettersSeen{Queues: []control.LettersIn{{Queue: "queue.f.dead", Of: 900}}, Read: 900, Of: 900, Found: 900}
	for i := range groupsShown + 7 {
		seen.Groups = append(seen.Groups, deadletter.Group{ID: fmt.Sprintf("%08x", 0x1234*i), Flow: "f", Stage: "f.work", Error: fmt.Sprint("cause ", i, "."), Count: 30})
	}
	for _, c := range []struct {
		all       bool
		says, not string
	}{
		{false, "cause 19.\n… and 7 more groups: --all shows them\n900 letters in", "cause 20."},
		{true, "cause 26.\n900 letters in", "more groups"},
	} {
		var out strings.Builder
		if err := (&dlqGroups{by: "cause", all: c.all}).end(&dlq{}, &out, seen); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.says) || strings.Contains(out.String(), c.not) {
			t.Errorf("all: %v:\n%s", c.all, out.String())
		}
	}
	var out strings.Builder
	if err := (&dlqGroups{by: "cause"}).end(&dlq{asJSON: true}, &out, seen); err != nil || strings.Count(out.String(), `"cause `) != groupsShown+7 {
		t.Errorf("%v in JSON:\n%s", err, out.String())
	}
}

// A flag that picks some, and is empty as of a variable that is not set, does not pick all.
func TestDlq_EmptyFlags(t *testing.T) {
	dir := t.TempDir()
	for _, args := range []string{
		"dlq replay f --id=", "dlq replay f --group=", "dlq replay f --if=", "dlq replay f --since=", "dlq replay f --until=",
		"dlq export f --id=", "dlq ls --id=123456,", "dlq show 123456 --flow=", "dlq discard f --reason x --confirm 1 --group=",
		"control stop f --instance=", "control stop f --label=", "status --instance=", "top --label=a --label=", "tap f --if=",
	} {
		_, stderr, code := output(t, eipd(t, dir, strings.Fields(args)...))
		if code != exitUsage || !strings.Contains(stderr, " is empty: leave it out where all are meant") {
			t.Errorf("%s ends with %d: %s", args, code, stderr)
		}
	}
}

// What is refused is told in the words of the command: arguments are its flags.
func TestDlq_SaysFlags(t *testing.T) {
	c := runControlled(t, `
queue "in" {}
queue "out" {}
flow "f" {
  from = queue.in
  filter { if = "body.n > 0" }
  to   = queue.out
}
`, "one")
	c.ask(0, "send", "queue.in", "--broker", "embedded:", "--body", `{"n": "confirm = 3"}`)
	until(t, "it is a dead letter", func() bool {
		stdout, _ := c.ask(0, "dlq", "f")
		return strings.Contains(stdout, "1 letters")
	})
	for args, says := range map[string]string{
		"dlq discard f --reason x --confirm 2":      "say that you mean them by --confirm 1",
		"dlq f --by colour":                         "--by: letters are grouped by",
		"dlq f --since soon":                        "--since must be a time like",
		"dlq ls f --limit 5000":                     "--limit may be 1000 at most",
		"dlq replay f --rate fast":                  "--rate is how many",
		"dlq replay f --under-way 5000":             "under way",
		"dlq replay f --under-way 0":                "--under-way must be a whole number, and not less than 1",
		"dlq replay f --stop-after 0":               "--stop-after must be a whole number, and not less than 1",
		"dlq replay f --canary few":                 "--canary is a list",
		"dlq archive --limit 5000":                  "--limit may be",
		"dlq ls f --if body.n>":                     "--if: ",
		"dlq discard g --reason x --confirm 1":      "unknown_target",
		"dlq edit 123456 --flow f --set a.b.c=true": "123456",
	} {
		if _, stderr := c.ask(1, strings.Fields(args)...); !strings.Contains(stderr, says) {
			t.Errorf("%s: %s", args, stderr)
		}
	}
	c.interrupt(t)
}
