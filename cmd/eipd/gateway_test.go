package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/keeper"
)

// A caller over HTTP whose flow replies is told what became of its request. Where a flow
// does not reply, the message is all that counts, and a dead letter is kept.
func TestGateway_Failures(t *testing.T) {
	dir, at := t.TempDir(), "127.0.0.1:"+keeper.FreePort(t)
	write(t, dir, "flow.hcl", strings.ReplaceAll(`
adapter "http" "in" {
  listen = "AT"
}
adapter "http" "posts" {
  listen = "AT"
  path   = "/posts"
}
queue "nobody" {}
queue "shop" {}
queue "proxied" {}
queue "kept" {}

flow "gateway" {
  from            = adapter.in
  dead_letter     = queue.kept
  invalid_message = queue.kept
  retry { attempts = 1 }
  content_router {
    when "ask" {
      if = "body.do == 'ask'"
      request { to = queue.shop }
      reply {}
    }
    when "wait" {
      if = "body.do == 'wait'"
      request {
        to      = queue.nobody
        timeout = "10ms"
      }
      reply {}
    }
    when "late" {
      if = "body.do == 'late'"
      reply { body = "'done'" }
      exec { command = ["false"] }
    }
    when "fail" {
      if = "body.do == 'fail'"
      exec { command = ["false"] }
      reply {}
    }
  }
}
flow "posts" {
  from        = adapter.posts
  dead_letter = queue.kept
  retry { attempts = 1 }
  exec { command = ["false"] }
}
service "shop" {
  filter { if = "body.item != 'salt'" }
  transform { body = "body.item + ' is there'" }
  reply {}
}
`, "AT", at))
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", "memory:"))
	p.ready(t)
	tests := map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"answered":                            {"/", `{"do": "ask", "item": "tea"}`, 200, "tea is there"},
		"a service that cannot":               {"/", `{"do": "ask", "item": 7}`, 422, "cannot be read"},
		"a service that is not there":         {"/", `{"do": "wait"}`, 504, "in its time"},
		"a flow that fails":                   {"/", `{"do": "fail"}`, 500, "its log says why"},
		"what the flow does not take":         {"/", `hello`, 422, "cannot be read"},
		"one that fails when it has answered": {"/", `{"do": "late"}`, 200, "done"},
		"no reply is meant":                   {"/posts", `{}`, 202, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if status, body := do(t, q); status != tt.status || !strings.Contains(body, tt.says) || strings.Contains(body, "exit status") {
				t.Errorf("answered %d %q, want %d %q", status, body, tt.status, tt.says)
			}
		})
	}
	p.interrupt(t)
	for l := range p.log {
		p.seen = append(p.seen, l)
	}
	if log := strings.Join(p.seen, "\n"); strings.Count(log, "message failed for good") != 6 || !strings.Contains(log, "dead_lettered=4 invalid=1") {
		t.Errorf("what failed has become no dead letter, or is not logged:\n%s", log)
	}
}
