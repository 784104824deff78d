package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// Every helper of examples/processor makes of a function what the stage wants of a worker.
func TestProcessorHelpers(t *testing.T) {
	folder := filepath.Join(root, "examples", "processor")
	const flow = `
adapter "stdio" "in" {}
queue "sent" {}
queue "failed" {}
flow "f" {
  from            = adapter.in
  dead_letter     = queue.failed
  invalid_message = queue.failed
  retry { attempts = 2 }
  processor {
    command = [%q, %q]
    allow   = [queue.sent]
  }
  transform { body = "(message.content_type == 'application/json' ? toJSON(body) : body) + ' ' + (headers.h ?? '-')" }
  to = adapter.in
}
flow "sent" {
  from = queue.sent
  transform { body = "'sent ' + body" }
  to = adapter.in
}
flow "failed" {
  from = queue.failed
  transform { body = "headers['eip-reason'] + ' ' + string(headers['eip-attempts']) + ' ' + headers['eip-error']" }
  to = adapter.in
}
`
	const input = "same\nprint\nmap\nbytes\nall\ndrop\nlost\nunreadable\nbusy\nünï\u2028cöde\n"
	want := []string{"same -", "print -", `{"a":null} -`, "bÿtes -", "new h", "sent drop", "ÜNÏ\u2028CÖDE -",
		"failed 1 f.processor: the worker failed: gone", "invalid 1 f.processor: the worker failed: no order", "failed 2 f.processor: the worker failed: busy"}
	slices.Sort(want)
	for program, worker := range map[string]struct{ example, file, script string }{
		"python3": {"orders.py", "worker.py", `
from eipd_processor import *
def work(m):
    match m["body"]:
        case "same": return None
        case "print": print("not an answer")
        case "map": return {"a": None}
        case "bytes": return "bÿtes".encode()
        case "all": return Answer(body="new", headers={"h": "h"})
        case "drop": return Answer(drop=True, send=[{"to": "queue.sent", "body": b"drop"}])
        case "lost": raise Permanent("gone")
        case "unreadable": raise Invalid("no order")
        case "busy": raise RuntimeError("busy")
        case text: return text.upper()
run(work)
`},
		"ruby": {"orders.rb", "worker.rb", `
require_relative "eipd_processor"
Eipd.run do |m|
  case m["body"]
  when "same" then nil
  when "print" then puts "not an answer"
  when "map" then ({ a: nil })
  when "bytes" then Eipd::Answer[body_base64: ["bÿtes"].pack("m0")]
  when "all" then Eipd::Answer[body: "new", headers: { h: "h" }]
  when "drop" then Eipd::Answer[drop: true, send: [{ to: "queue.sent", body: "drop" }]]
  when "lost" then raise Eipd::Permanent, "gone"
  when "unreadable" then raise Eipd::Invalid, "no order"
  when "busy" then raise "busy"
  else m["body"].upcase
  end
end
`},
		"node": {"orders.mjs", "worker.mjs", `
import { Answer, Invalid, Permanent, run } from "./eipd_processor.mjs";
run(async ({ body }) => {
  switch (body) {
    case "same": return;
    case "print": return console.log("not an answer");
    case "map": return { a: null };
    case "bytes": return Buffer.from("bÿtes");
    case "all": return new Answer({ body: "new", headers: { h: "h" } });
    case "drop": return new Answer({ drop: true, send: [{ to: "queue.sent", body: "drop" }] });
    case "lost": throw new Permanent("gone");
    case "unreadable": throw new Invalid("no order");
    case "busy": throw new Error("busy");
    default: return body.toUpperCase();
  }
});
`},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			rabbit.Require(t, "/usr/bin/"+program)
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			readExample(t, filepath.Join(folder, "flow.hcl")).check(t, dir, "--var", fmt.Sprintf("command=[%q, %q]", program, worker.example))
			write(t, dir, "flow.hcl", fmt.Sprintf(flow, program, worker.file))
			write(t, dir, worker.file, worker.script)
			c := eipd(t, dir, "run", "--until-idle", "flow.hcl")
			c.Stdin = strings.NewReader(input)
			stdout, stderr, code := output(t, c)
			got := lines(stdout)
			slices.Sort(got)
			if code != 4 || !slices.Equal(got, want) || !strings.Contains(stderr, "not an answer") {
				t.Errorf("exit %d, printed:\n%s\nwant:\n%s\nits log:\n%s", code, stdout, strings.Join(want, "\n"), stderr)
			}
		})
	}
}
