package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

// tapped is a line that eipd tap prints.
type tapped struct {
	Instance string `json:"instance"`
	control.Copy
}

// passing injects messages into a process until the tap prints a line of it.
func passing(t *testing.T, c *controlled, tap *process, body string) (line tapped) {
	t.Helper()
	until(t, "a copy", func() bool {
		c.ask(0, "control", "inject", "f", "body="+body)
		select {
		case text := <-tap.stdout:
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("it printed %q: %v", text, err)
			}
			return true
		default:
			return false
		}
	})
	return line
}

func TestTap(t *testing.T) {
	c := runControlled(t, switched, "one")
	tap := start(t, eipd(t, c.dir, "tap", "f.loud", "--if", "body.n > 1 && body.to == '<you>'", "--count", "1"))
	c.ask(0, "control", "inject", "f", `body={"n": 1}`)
	line := passing(t, c, tap, `{"n": 2, "to": "<you>"}`)
	if body, _ := line.Body.(map[string]any); line.At != "f.loud" || line.Instance != "one" || body["n"] != 2.0 || body["to"] != "<you>" || line.Number != 1 {
		t.Errorf("it printed %+v", line)
	}
	tap.reading.Wait()
	if err := tap.cmd.Wait(); err != nil {
		t.Errorf("after all copies it ended with %v", err)
	}

	tap = start(t, eipd(t, c.dir, "tap", "f"))
	passing(t, c, tap, "x")
	tap.interrupt(t)

	_, stderr := c.ask(3, "tap", "f.aside.discard", "--count", "1", "--for", "50ms")
	holds(t, stderr, "0 of 1 copies came within 50ms")
	_, stderr = c.ask(1, "tap", "f.loudd")
	holds(t, stderr, "one: unknown_target: no flow or stage f.loudd; did you mean f.loud?")
	_, stderr = c.ask(1, "tap", "f", "--if", "os.exit()")
	holds(t, stderr, "one: bad_args: ")
	c.ask(2, "tap", "f", "--count", "-1")
	c.ask(2, "tap")
	if stdout, _ := c.ask(0, "control", "tap", "f", "for=50ms", "--json"); len(answers(t, stdout)) != 2 {
		t.Errorf("as replies, a tap without messages is\n%s", stdout)
	}
	c.interrupt(t)
}

// What a tap has seen becomes a file, and a test that passes.
func TestTap_Saves(t *testing.T) {
	c := runControlled(t, switched, "one")
	for _, name := range []string{"case.jsonl", "case_test.hcl"} {
		tap := start(t, eipd(t, c.dir, "tap", "f", "--count", "1", "--save", name))
		until(t, "a copy", func() bool {
			c.ask(0, "control", "inject", "f", `body={"n": 2, "to": "${you}", "list": [1, 2.5, null]}`)
			text, err := os.ReadFile(filepath.Join(c.dir, name))
			return err == nil && len(text) > 0
		})
		tap.reading.Wait()
		if err := tap.cmd.Wait(); err != nil {
			t.Errorf("after all copies it ended with %v", err)
		}
	}
	c.interrupt(t)
	saved, err := os.ReadFile(filepath.Join(c.dir, "case.jsonl"))
	if err != nil || strings.Count(string(saved), "\n") != 1 || !strings.Contains(string(saved), `"to":"${you}"`) {
		t.Errorf("it saved %q, %v", saved, err)
	}
	test, err := os.ReadFile(filepath.Join(c.dir, "case_test.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.dir, "case_test.hcl", strings.Replace(string(test), "{\n", "{\n  strict = false\n", 1))
	if stdout, stderr, code := output(t, eipd(t, c.dir, "test")); code != 0 {
		t.Errorf("the test\n%sends with %d:\n%s%s", test, code, stdout, stderr)
	}
	t.Logf("%s", test)
}

// What is over is opened again, and how many were dropped is known in all.
func TestTap_Again(t *testing.T) {
	var stdout, stderr strings.Builder
	tap := &tapCommand{dropped: map[string]int64{}, before: map[string]int64{}}
	reply := func(more bool, result string) control.Reply {
		return control.Reply{Instance: "one", OK: true, More: more, Result: json.RawMessage(result)}
	}
	for _, r := range []control.Reply{reply(true, `{"until":"2030-01-01T00:00:00Z"}`), reply(true, `{"at":"f","number":1,"dropped":2,"body":1.10}`), reply(false, `{"taken":1,"dropped":3,"ended":"time"}`),
		reply(true, `{"at":"f","number":1,"dropped":4,"body":"x"}`)} {
		if err := tap.take(r, &stdout, &stderr); err != nil {
			t.Fatal(err)
		}
	}
	if !tap.again {
		t.Error("its time is over, and it is not opened again")
	}
	if want := `{"instance":"one","at":"f","number":1,"dropped":2,"body":1.10}` + "\n" + `{"instance":"one","at":"f","number":1,"dropped":4,"body":"x"}` + "\n"; stdout.String() != want {
		t.Errorf("it printed\n%swant\n%s", stdout.String(), want)
	}
	tap.sum(&stderr)
	if want := "eipd: one: 7 copies were dropped, as they came faster than they were taken\n"; stderr.String() != want {
		t.Errorf("it said %q, want %q", stderr.String(), want)
	}
}

// A tap on a broker shows what passes every process.
func TestTap_RabbitMQ(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "tap")["tap"]
	a, b := runControlled(t, switched, "a", "--broker", url), runControlled(t, switched, "b", "--broker", url)
	tap := start(t, eipd(t, t.TempDir(), "tap", "f", "--broker", url))
	if line := passing(t, a, tap, "x"); line.Instance != "a" || line.Body != "x" {
		t.Errorf("it printed %+v", line)
	}
	until(t, "a copy of the other", func() bool { return passing(t, b, tap, "y").Instance == "b" })
	tap.interrupt(t)
	a.interrupt(t)
	b.interrupt(t)
}
