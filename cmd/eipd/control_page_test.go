package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

const ordered = `
queue "orders" {}

flow "orders" {
  from = queue.orders
  detour "validate" {
    filter { if = "body.total > 0" }
  }
  discard {}
}
`

// What the control bus' page shows of other clients works.
func TestControlBusPage(t *testing.T) {
	const python, pika, tools = "/usr/bin/python3", "/var/lib/dpkg/info/python3-pika.list", "/usr/bin/amqp-publish"
	rabbit.Require(t, python, pika, tools)
	vhosts := rabbit.Shared(t).Vhosts(t, "page", "page_signed")
	url := vhosts["page"]
	text, err := os.ReadFile(filepath.Join(root, "docs", "control-bus.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	block := func(language, holds string) string {
		t.Helper()
		for _, b := range fenced(page) {
			if b.language == language && strings.Contains(b.text, holds) {
				return b.text
			}
		}
		t.Fatalf("the page shows no %s", holds)
		return ""
	}
	run := func(program, script string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v of\n%s\n%s", err, script, out)
		}
		return string(out)
	}
	c := runControlled(t, ordered, "one", "--broker", url)

	asks := strings.ReplaceAll(block("python", "connection = pika"), "amqp://guest:guest@localhost:5672/", url)
	if got := run(python, asks); got != "one 0\n" {
		t.Errorf("the pika client printed %q", got)
	}

	script := regexp.MustCompile(`amqp-[a-z-]+`).ReplaceAllString(block("", "amqp-publish"), "$0 -u '"+url+"'")
	script = regexp.MustCompile(`(?m)^amqp-get.*`).ReplaceAllString(script, "until $0; do sleep 0.05; done") // it may be too early
	var got control.Reply
	answer := run("/bin/sh", script) // and what the last tool prints
	if err := json.NewDecoder(strings.NewReader(answer)).Decode(&got); err != nil || got.Instance != "one" || got.Command != "set" || !got.OK {
		t.Errorf("amqp-tools got %q", answer)
	}
	holds(t, first(c.ask(0, "control", "list")), "enabled=true (until ")
	c.interrupt(t)

	signed := strings.ReplaceAll(asks, `json.dumps({"command": "stats", "target": "orders"})`,
		`json.dumps(command := sign({"command": "stats", "target": "orders", "args": {"reset": True}}, "<größe>"))`) + `
assert genuine(reply, command["nonce"], "<größe>")
assert not genuine(reply, command["nonce"] + "x", "<größe>")
`
	t.Setenv("EIPD_CONTROL_SECRET", "<größe>")
	c = runControlled(t, ordered+"control_bus { secret = env(\"EIPD_CONTROL_SECRET\") }\n", "one", "--broker", vhosts["page_signed"])
	if got := run(python, block("python", "def sign")+block("python", "def genuine")+strings.ReplaceAll(signed, url, vhosts["page_signed"])); got != "one 0\n" {
		t.Errorf("the client that signs printed %q", got)
	}
	c.interrupt(t)
}
