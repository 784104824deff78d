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
