package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
)

// loaded loads one file, without errors.
func loaded(t *testing.T, name, text string) *flow.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{path}, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}

// A service has the defaults of who answers, and what is given wins.
func TestService_Defaults(t *testing.T) {
	const end = "\n reply {}\n}\n"
	for name, tt := range map[string]struct {
		text                         string
		from                         string
		prefetch, attempts           int
		exclusive, autoDelete, keeps bool
		timeout                      time.Duration
	}{
		"nothing given": {text: "service \"s\" {" + end, from: "queue.s", prefetch: 2, attempts: 1},
		"all given": {text: "queue \"q\" {}\nqueue \"d\" {}\nservice \"s\" {\n queue = queue.q\n concurrency = 4\n prefetch = 5\n timeout = \"3s\"\n dead_letter = queue.d\n retry {\n attempts = 2\n }" + end,
			from: "queue.q", prefetch: 5, attempts: 2, keeps: true, timeout: 3 * time.Second},
		"a retry without attempts": {text: "service \"s\" {\n concurrency = 4\n retry {\n delay = \"1s\"\n }" + end, from: "queue.s", prefetch: 8},
		"its own queue":            {text: "service \"s\" {\n exclusive = true\n auto_delete = true" + end, from: "queue.s", prefetch: 2, attempts: 1, exclusive: true, autoDelete: true},
		"a block of its name":      {text: "service \"s\" {" + end + "queue \"s\" {\n exclusive = true\n}", from: "queue.s", prefetch: 2, attempts: 1, exclusive: true},
		"another's queue":          {text: "service \"s\" {\n queue = queue.other" + end + "service \"other\" {\n exclusive = true" + end, from: "queue.other", prefetch: 2, attempts: 1, exclusive: true},
		"named by a flow before it": {text: "flow \"a\" {\n from = queue.s\n enabled = false\n discard {}\n}\nservice \"s\" {" + end,
			from: "queue.s", prefetch: 2, attempts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := loaded(t, "s.hcl", tt.text)
			var builders sync.WaitGroup
			for range 2 { // a Config can be built many times at once
				builders.Go(func() {
					built, err := c.Build(eip.Clock{})
					if err != nil {
						t.Error(err)
						return
					}
					f := built.Flows[0]
					if f.Name == "a" {
						f = built.Flows[1]
					}
					ch := built.Channels[f.From[0].String()]
					if f.From[0].String() != tt.from || f.Prefetch != tt.prefetch || f.Retry.Attempts != tt.attempts || f.Service.Timeout != tt.timeout {
						t.Errorf("it reads %v with a prefetch of %d, %d attempts and the time-out %v", f.From[0], f.Prefetch, f.Retry.Attempts, f.Service.Timeout)
					}
					if f.DeadQueue() != nil || (f.DeadLetter != nil) != tt.keeps {
						t.Errorf("it keeps dead letters in %v, %v", f.DeadQueue(), f.DeadLetter)
					}
					if spec := built.Spec(ch); !spec.Durable || !spec.Declare || spec.Exclusive != tt.exclusive || spec.AutoDelete != tt.autoDelete || spec.Address != ch.Name {
						t.Errorf("its queue is %+v", spec)
					}
				})
			}
			builders.Wait()
		})
	}
}

// JSON says the same.
func TestService_JSON(t *testing.T) {
	c := loaded(t, "s.hcl.json", `{"service": {"s": {"concurrency": 3, "reply": {}}}, "flow": {"f": {"from": "queue.s", "discard": {}}}}`)
	for _, f := range c.Flows {
		if (f.Service != nil) != (f.Name == "s") || f.From[0].Ref.String() != "queue.s" {
			t.Errorf("%s reads %v", f.Name, f.From[0])
		}
	}
}

// What is another service is another flow when files are applied.
func TestService_Fingerprint(t *testing.T) {
	print := func(more string) string {
		c := loaded(t, "s.hcl", "service \"s\" {\n"+more+"\n reply {}\n}")
		return c.Fingerprint(c.Flows[0])
	}
	same := print("")
	if print("") != same {
		t.Error("the same service has another fingerprint")
	}
	for _, more := range []string{`timeout = "1s"`, "exclusive = true", "prefetch = 3", "concurrency = 2"} {
		if print(more) == same {
			t.Errorf("with %s it has the same fingerprint", more)
		}
	}
	flow := loaded(t, "f.hcl", "queue \"s\" {}\nflow \"s\" {\n from = queue.s\n reply {}\n}")
	if flow.Fingerprint(flow.Flows[0]) == same || strings.TrimSpace(same) == "" {
		t.Error("a flow has the fingerprint of a service")
	}
}
