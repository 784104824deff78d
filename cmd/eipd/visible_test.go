package main

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"unicode"

	"github.com/eipd/eipd/eip/manage/control"
)

// evil would clear a screen, hide text and turn it round.
const evil = "a\x1b[2Jb\u009b2Jc\x7fd\u202ee\u2066f\u200bg\u061ch\U000e0041"

// harmless fails where a terminal would do something but show text.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.In(r, unicode.C) || r == unicode.ReplacementChar) {
			t.Errorf("%s prints %U in %q", what, r, text)
			return
		}
	}
}

func TestVisible_Commands(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "bad.hcl", "flow \"f\" {\n  from = queue.missing # "+evil+"\n  discard {}\n}\nqueue \""+evil+"\" {}\n")
	write(t, dir, "option.hcl", "queue \"q\" {\n  ttl = \""+evil+"\"\n}\n")
	write(t, dir, "syntax.hcl", "queue "+evil+"\xff {\n")
	write(t, dir, "expression.hcl", "queue \"q\" {}\nflow \"f\" {\n from = queue.q\n filter { if = \"'"+evil+"' == nosuch\" }\n discard {}\n}\n")
	write(t, dir, evil+".hcl", "queue \"q\" {}\n")
	for _, args := range [][]string{
		{"check", "bad.hcl"}, {"check", "option.hcl"}, {"check", "syntax.hcl"}, {"check", "expression.hcl"}, {"check", evil}, {"plan", "bad.hcl"}, {"run", "bad.hcl"},
		{"fmt", "--check", evil + ".hcl"}, {"fmt", "syntax.hcl"}, {"explain", evil}, {evil}, {"check", "--" + evil}, {"run", "--flow", evil, "."},
		{"send", evil}, {"ping", evil}, {"ping", "amqp://u:p@" + evil}, {"control", "set", "x", evil}, {"status", "--socket", evil},
	} {
		stdout, stderr, _ := output(t, eipd(t, dir, args...))
		harmless(t, strings.Join(args, " "), stdout+stderr)
	}
}

func TestVisible_Messages(t *testing.T) {
	c := runControlled(t, `
adapter "stdio" "in" {}
flow "f" {
  from = adapter.in
  log "says" { message = "headers.evil + body.evil" }
  filter "wrong" { if = "body.evil" }
  discard {}
}
`, "one")
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	tap := start(t, eipd(t, c.dir, "tap", "f", "--count", "1"))
	var line string
	until(t, "a copy", func() bool {
		c.ask(0, "control", "inject", "f", `body={"evil": `+string(quoted)+`}`, "headers.evil="+string(quoted), "key="+evil)
		select {
		case line = <-tap.stdout:
			return true
		default:
			return false
		}
	})
	var copied tapped
	if err := json.Unmarshal([]byte(line), &copied); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if body, _ := copied.Body.(map[string]any); body["evil"] != evil || copied.Headers["evil"] != evil || copied.Key != evil {
		t.Errorf("it decodes to %+v", copied)
	}
	harmless(t, "tap", line)
	tap.reading.Wait()
	if err := tap.cmd.Wait(); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{
		{"control", "inject", "f", "test=true", `body={"evil": ` + string(quoted) + `}`},
		{"control", "--json", "inject", "f", "test=true", `body={"evil": ` + string(quoted) + `}`},
		{"control", "set", evil, "enabled=true"}, {"control", "--json", "set", evil, "enabled=true"}, {"control", evil}, {"tap", evil}, {"tap", "f", "--if", evil},
	} {
		stdout, stderr, _ := output(t, eipd(t, c.dir, args...))
		harmless(t, strings.Join(args, " "), stdout+stderr)
	}
	logged := make(chan string)
	go func() {
		var log strings.Builder
		for l := range c.log {
			log.WriteString(l + "\n")
		}
		logged <- log.String()
	}()
	c.interrupt(t)
	log := <-logged
	harmless(t, "run", log)
	if !strings.Contains(log, `\x1b[2J`) {
		t.Errorf("the log does not show it:\n%s", log)
	}
}

// Whoever answers on a socket may be anybody.
func TestVisible_Answers(t *testing.T) {
	socket := t.TempDir() + "/s"
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	quoted, _ := json.Marshal(evil)
	result := strings.ReplaceAll(`{"instance": X, "version": X, "state": X, "flows": [X], "brokers": [{"name": X, "url": X, "waiting": X}], "control": [{"on": X, "at": X, "state": X}]}`, "X", string(quoted))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reply, _ := json.Marshal(control.Reply{V: 1, Instance: evil, Command: evil, OK: true, Result: json.RawMessage(result)})
			_, _ = conn.Write(append(reply, '\n'))
			_ = conn.Close()
		}
	}()
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"control", "list"}, {"control", "stats"}, {"control", "drain"}, {"top", "--once"}, {"__complete", "control", "set", ""}, {"__complete", "status", "--instance", ""}} {
		if args[0] == "__complete" {
			args = append([]string{"__complete", args[1], "--socket", socket}, args[2:]...)
		} else {
			args = append(args, "--socket", socket)
		}
		stdout, stderr, _ := output(t, eipd(t, t.TempDir(), args...))
		harmless(t, strings.Join(args, " "), stdout+stderr)
	}
}

// The password of a broker's URL is on no screen.
func TestSecrets_OfTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.hcl", "queue \"q\" {}\nflow \"f\" {\n from = queue.q\n discard {}\n}\n")
	help := []string{"send", "receive", "call", "run", "tap", "ping"}
	for i, url := range []string{
		"amqp://joe:hunter22@127.0.0.1:1", "amqp://joe:hunter%32%32@127.0.0.1:1/?heartbeat=hunter22", "amqp://joe:hunter22@127.0.0.1:1/?connection_timeout=hunter22",
		"amqp://joe:hunter/22@127.0.0.1:1", "amqp://joe:hunter 22@127.0.0.1:1", "amqp://joe:hunter%zz@127.0.0.1:1", "amqp://joe:hunter22@", "nosuch://joe:hunter22@h", "amqp://hunter22@127.0.0.1:1",
		"amqp://joe:hunter22@127.0.0.1:port", "amqps://joe:hunter22@127.0.0.1:1/?channel_max=hunter22",
	} {
		for _, args := range [][]string{
			{help[i%len(help)], "--help"}, {"send", "queue.q", "--body", "x", "--timeout", "50ms"},
			{"ping", url, "--timeout", "50ms"}, {"plan", "a.hcl", "--timeout", "50ms"}, {"status", "--broker", url, "--wait", "50ms"},
		} {
			cmd := eipd(t, dir, args...)
			cmd.Env = append(cmd.Env, "EIPD_BROKER="+url)
			stdout, stderr, _ := output(t, cmd)
			if strings.Contains(stdout+stderr, "hunter") {
				t.Errorf("EIPD_BROKER=%s eipd %s says\n%s%s", url, strings.Join(args, " "), stdout, stderr)
			}
		}
	}
}
