package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// While letters are edited, the process is killed again and again. Of each letter the
// original is in its queue, or the edited one has passed; both only where the archive says
// that the end of the edit is not known.
func TestKill_WhileEditing(t *testing.T) {
	n, dir := scale(40, 12), t.TempDir()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, `{"n": %d}`+"\n", i)
	}
	write(t, dir, "in", lines.String())
	write(t, dir, "failing.hcl", `
adapter "file" "in" { path = "in" }
flow "orders" {
  from = adapter.in
  filter { if = "body.lacks > 0" }
  discard {}
}
`)
	write(t, dir, "mended.hcl", mended)
	write(t, dir, "read.hcl", reading)
	if p := launch(t, dir, "--until-idle", "failing.hcl"); p.exit() != 4 {
		t.Fatalf("nothing failed:\n%s", p.logged())
	}
	p := run(t, dir, "mended.hcl")
	all := lettersOf(t, dir)
	if len(all) != n {
		t.Fatalf("%d letters", len(all))
	}
	for id, i := range all {
		c := exec.Command(eipd, "dlq", "edit", id, "--flow", "orders", "--set", "body.edited=true", "--data-dir", filepath.Join(dir, ".eipd"))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = c.Wait() // who has given the command is told, or not
			close(ended)
		}()
		switch i % 3 {
		case 0: // it has begun nothing
		case 1:
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // whatever it does by then
		case 2:
			<-ended
		}
		p.kill()
		<-ended
		p = run(t, dir, "mended.hcl")
	}
	left, outcomes := map[int]bool{}, map[int]string{}
	for _, of := range lettersOf(t, dir) {
		left[of] = true
	}
	var archived struct {
		Letters []struct{ ID, Outcome string }
	}
	dlq(t, dir, &archived, "archive", "--limit", "1000")
	for _, l := range archived.Letters {
		outcomes[all[l.ID]] = l.Outcome
	}
	p.kill()
	came, both := map[int]int{}, 0
	for body, times := range passed(t, dir, "embedded:") {
		var order struct {
			N      int
			Edited bool
		}
		if err := json.Unmarshal([]byte(body), &order); err != nil || !order.Edited {
			t.Errorf("%s passed: %v", body, err)
		}
		came[order.N] += times
	}
	for i := range n {
		switch outcome := outcomes[i]; {
		case came[i] == 0 && !left[i]:
			t.Errorf("%d was lost; its edit %s", i, outcome)
		case came[i] > 1 || came[i] == 1 && left[i] && outcome != "begun" || came[i] == 0 && outcome == "passed":
			t.Errorf("%d passed %d times, left: %v; its edit %s", i, came[i], left[i], outcome)
		case left[i] && came[i] == 1:
			both++
		}
	}
	t.Logf("of %d letters %d have passed, %d of them are in the queue too", n, len(came), both)
	if len(came) == 0 || len(left) == 0 {
		t.Error("all kills came too early, or too late")
	}
}

// lettersOf are the numbers of the letters that wait, by their ids.
func lettersOf(t *testing.T, dir string) map[string]int {
	var all struct {
		Letters []struct {
			ID   string
			Body struct{ N int }
		}
	}
	dlq(t, dir, &all, "ls", "orders", "--limit", "1000")
	found := map[string]int{}
	for _, l := range all.Letters {
		found[l.ID] = l.Body.N
	}
	return found
}

// dlq reads what a command of eipd dlq prints as JSON.
func dlq(t *testing.T, dir string, to any, words ...string) {
	t.Helper()
	out, err := exec.Command(eipd, append(append([]string{"dlq"}, words...), "--json", "--data-dir", filepath.Join(dir, ".eipd"))...).Output()
	if err == nil {
		err = json.Unmarshal(out, to)
	}
	if err != nil {
		t.Fatalf("%v: %v, %s", words, err, out)
	}
}
