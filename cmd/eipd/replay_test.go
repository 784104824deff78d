package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an aggregator, a delay and a splitter made, and failed behind them, is replayed
// behind them: also by a process that has made nothing yet.
func TestReplay_BehindWhatMadeIt(t *testing.T) {
	for name, test := range map[string]struct{ stage, input, want string }{
		"Aggregator": {`aggregator { 
    key  = "body.k"
    size = 2
    body = "{'n': map(group.messages, #.body.n)}"
  }`, `{"k":1,"n":1}` + "\n" + `{"k":1,"n":2}` + "\n", `[[1,2],1]`},
		"Incomplete": {`aggregator {
    key      = "body.k"
    complete = "group.count == 3"
    timeout  = "1h"
    body     = "{'n': map(group.messages, #.body.n)}"
  }`, `{"k":1,"n":1}` + "\n" + `{"k":1,"n":2}` + "\n", `[[1,2],1]`},
		"Delay":    {`delay { for = "1ms" }`, `{"n":1}` + "\n", `[1,1]`},
		"Splitter": {`splitter { parts = "body" }`, `[{"n":1}]` + "\n", `[1,1]`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "flow.hcl", `
adapter "stdio" "in" {}
queue "out" {}
flow "f" {
  from = adapter.in
  transform {
    headers = { passes = "int(headers.passes ?? 0) + 1" }
  }
  `+test.stage+`
  exec "print" {
    command = ["sh", "-c", "test -f mended"]
  }
  to = queue.out
}
flow "print" {
  from = queue.out
  transform { body = "[body.n, headers.passes]" }
  to   = adapter.in
}
`)
			run := func(input string, untilIdle ...string) *process {
				c := eipd(t, dir, append([]string{"run", "flow.hcl", "--data-dir", dir}, untilIdle...)...)
				c.Stdin = strings.NewReader(input)
				return start(t, c)
			}
			p := run(test.input, "--until-idle")
			for range p.stdout {
				t.Error("what failed was printed")
			}
			p.reading.Wait()
			if _ = p.cmd.Wait(); p.cmd.ProcessState.ExitCode() != 4 {
				p.fail(t, "it does not say that something failed")
			}
			if err := os.WriteFile(filepath.Join(dir, "mended"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p = run("")
			p.ready(t)
			stdout, stderr, code := output(t, eipd(t, dir, "control", "replay", "f", "--data-dir", dir))
			if code != 0 || !strings.Contains(stdout, "replayed=1") {
				t.Errorf("replay: exit %d\n%s%s", code, stdout, stderr)
			}
			if got := p.line(t); got != test.want {
				t.Errorf("it printed %s, want %s", got, test.want)
			}
			p.interrupt(t)
		})
	}
}
