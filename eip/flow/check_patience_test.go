package flow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/broker/amqp"
)

// What may take longer than RabbitMQ waits for a message is said before it does.
func TestCheck_ConsumerTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		url, argument, stage, warning string
		service                       bool
	}{
		"short":           {url: "amqp://h", stage: `request { to = queue.s }`},
		"long":            {"amqp://h", "", "request {\n to = queue.s\n timeout = \"31m\"\n}", "timeout of f.request may take 31m0s", false},
		"longer allowed":  {"amqp://h", "3600000", "request {\n to = queue.s\n timeout = \"31m\"\n}", "", false},
		"shorter allowed": {"amqps://h", "60000", "request {\n to = queue.s\n timeout = \"2m\"\n}", "within 1m0s", false},
		"retries":         {"amqp://h", "", "retry {\n attempts = 100\n max_delay = \"1m\"\n}", "waiting times of its retry", false},
		"a service":       {"amqp://h", "", "timeout = \"31m\"", "timeout of the service \"f\" may take 31m0s", true},
		"another broker":  {"memory:", "", "request {\n to = queue.s\n timeout = \"31m\"\n}", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := ""
			if test.argument != "" {
				arguments = fmt.Sprintf(`arguments = { "x-consumer-timeout" = %s }`, test.argument)
			}
			file := filepath.Join(t.TempDir(), "flow.hcl")
			text := fmt.Sprintf("queue \"in\" {\n%s\n}\nqueue \"s\" {}\nflow \"f\" {\n from = queue.in\n %s\n discard {}\n}", arguments, test.stage)
			if test.service {
				text = fmt.Sprintf("service \"f\" {\n%s\n reply {}\n}", test.stage)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, diags := flow.Load(flow.Options{Files: []string{file}, Broker: test.url})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			got := ""
			for _, d := range diags {
				got += d.Summary + d.Detail
			}
			if test.warning == "" && strings.Contains(got, "taken back") || !strings.Contains(got, test.warning) {
				t.Errorf("it says %s", got)
			}
		})
	}
}

// Where a stage waits for more messages than the flow takes, or longer than RabbitMQ waits
// for one, that is said. What is for a delay and has no unit is said once.
func TestCheck_StagesThatHold(t *testing.T) {
	for name, test := range map[string]struct{ stage, warning string }{
		"batch":                  {"batch { size = 1000 }", ""},
		"a large batch":          {"batch { size = 1001 }", `"size" of f.batch`},
		"resequencer":            {"resequencer { capacity = 999 }", ""},
		"a large capacity":       {"resequencer { capacity = 1000 }", `"capacity" of f.resequencer`},
		"less is taken":          {"resequencer {}\n prefetch = 100", "its prefetch, 100"},
		"a patient batch":        {`batch { timeout = "31m" }`, "timeout of f.batch may take 31m0s"},
		"an aggregator may wait": {`aggregator { timeout = "31m" }`, ""},
		"a delay without a unit": {"delay { for = 10 }", "is no duration like"},
		"a delay of days":        {`delay { for = "7d" }`, "a day is 24h"},
		"no expression":          {`delay { for = "ten minutes" }`, "does not fit here"},
		"a division by zero":     {`delay { for = "body.x / 0" }`, "divides by zero"},
		"days":                   {"aggregator { timeout = \"2d\" }", "a day is 24h"},
	} {
		file := filepath.Join(t.TempDir(), "flow.hcl")
		text := fmt.Sprintf("queue \"in\" {}\nflow \"f\" {\n from = queue.in\n %s\n discard {}\n}", test.stage)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, diags := flow.Load(flow.Options{Files: []string{file}, Broker: "amqp://h"})
		got := ""
		for _, d := range diags {
			if d.Summary != "It remembers alone" {
				got += d.Summary + ": " + d.Detail + "\n"
			}
		}
		if most := min(len(test.warning), 1); strings.Count(got, "\n") != most || !strings.Contains(got, test.warning) {
			t.Errorf("%s: it says %q, want %q", name, got, test.warning)
		}
	}
}
