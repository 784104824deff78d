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
		"a batch":         {"amqp://h", "", "batch { timeout = \"1h\" }", "Waiting in f.batch may take 1h0m0s", false},
		"a short batch":   {"amqp://h", "", "batch {}", "", false},
		"a resequencer":   {"amqp://h", "", "resequencer {\n key = \"'a'\"\n timeout = \"31m\"\n}", "Waiting in f.resequencer may take 31m0s", false},
		"an aggregator":   {"amqp://h", "", "aggregator {\n key = \"'a'\"\n timeout = \"24h\"\n}", "", false},
		"behind one":      {"amqp://h", "", "aggregator {\n key = \"'a'\"\n timeout = \"24h\"\n}\nbatch { timeout = \"1h\" }", "", false},
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
			got := warnings(t, file, test.url)
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
		"a large batch":          {"batch { size = 1001 }", "f.batch is full with 1001 messages"},
		"resequencer":            {"resequencer { capacity = 999 }", ""},
		"a large capacity":       {"resequencer { capacity = 1000 }", "f.resequencer is full with 1001 messages"},
		"less is taken":          {"resequencer {}\n prefetch = 100", "takes 100 at a time"},
		"a patient batch":        {`batch { timeout = "31m" }`, "Waiting in f.batch may take 31m0s"},
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

// warnings are what flow files are warned of.
func warnings(t *testing.T, file, broker string) (got string) {
	t.Helper()
	_, diags := flow.Load(flow.Options{Files: []string{file}, Broker: broker})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, d := range diags {
		got += d.Summary + ": " + d.Detail + "\n"
	}
	return got
}

// What waits for more messages than its flow takes is never full, and what forgets too early
// takes a message that comes again for a new one.
func TestCheck_WindowAndMemory(t *testing.T) {
	const receiver = "idempotent_receiver { remember = \"1h\" }"
	for name, test := range map[string]struct{ options, stages, warning string }{
		"a batch as large as the window": {"prefetch = 50", "batch { size = 50 }", ""},
		"one of several polls":           {"poll {\n every = \"1m\"\n batch = 20\n}", "batch { size = 50 }", "Give its poll a batch of at least 50."},
		"a larger one":                   {"prefetch = 50", "batch { size = 51 }", "It is never full: f.batch is full with 51 messages, and the flow \"f\" takes 50 at a time: when all of these wait in it, nothing more comes until 1s have passed. Give the flow a prefetch of at least 51."},
		"of parts":                       {"prefetch = 50", "splitter { parts = \"body\" }\n batch { size = 51 }", ""},
		"of groups":                      {"prefetch = 50", "aggregator {\n key = \"'a'\"\n size = 2\n}\n batch { size = 51 }", ""},
		"of parts under way":             {"", "splitter {\n parts = \"body\"\n in_flight = 50\n}\n batch { size = 51 }", "f.batch is full with 51 messages, and f.splitter has 50 under way at a time: when all of these wait in it, nothing more comes until 1s have passed. Give that an in_flight of at least 51."},
		"of large groups":                {"", "aggregator {\n key = \"'a'\"\n size = 2\n}\n batch { size = 257 }", "f.batch is full with 257 messages, and f.aggregator has 256 under way at a time: when all of these wait in it, nothing more comes until 1s have passed. Let it hold fewer, or put a queue between the two: 257 are too many."},
		"parts in order":                 {"prefetch = 501", "splitter { parts = \"body\" }\n resequencer { key = \"'a'\" }", ""},
		"parts of few in order":          {"prefetch = 500", "splitter { parts = \"body\" }\n resequencer { key = \"'a'\" }", "Give the flow a prefetch of at least 501."},
		"parts of batches in order":      {"", "batch { size = 2 }\n splitter { parts = \"body\" }\n resequencer { key = \"'a'\" }", "f.resequencer is full with 501 messages, made of 2 others each, and the flow \"f\" takes 1000 at a time: when all of these wait in it, nothing more comes until 10s have passed. Give the flow a prefetch of at least 1002."},
		"batches in another branch":      {"", "content_router {\n when \"a\" {\n if = \"body.a\"\n batch { size = 10 }\n discard {}\n }\n otherwise {\n resequencer { key = \"'a'\" }\n discard {}\n }\n }", ""},
		"a batch before a branch":        {"", "batch { size = 10 }\n content_router {\n when \"a\" {\n if = \"true\"\n resequencer { key = \"'a'\" }\n discard {}\n }\n otherwise {\n discard {}\n }\n }", "made of 10 others each"},
		"behind a delay":                 {"", "delay { for = \"1s\" }\n resequencer { key = \"'a'\" }", "f.delay has 256 under way at a time"},
		"a resequencer":                  {"prefetch = 500", "resequencer { key = \"'a'\" }", "f.resequencer is full with 501 messages"},
		"remembered for less":            {"dead_letter = queue.dead", receiver, "f.idempotent_receiver remembers messages for 1h0m0s, and what the flow gives up may be replayed from queue.dead for 24h0m0s."},
		"by an argument":                 {"dead_letter = queue.argued", receiver, "may be replayed from queue.argued for 2h0m0s"},
		"by the broker":                  {"", receiver, "may be replayed from queue.moved for 3h0m0s"},
		"for long enough":                {"dead_letter = queue.dead", "idempotent_receiver { remember = \"24h\" }", ""},
		"less than retries":              {"retry {\n attempts = 100\n max_delay = \"1m\"\n delay = \"1m\"\n}", receiver, "what fails may be tried again for 1h39m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "flow.hcl")
			text := fmt.Sprintf("queue \"in\" { dead_letter = queue.moved }\nqueue \"moved\" { ttl = \"3h\" }\nqueue \"dead\" { ttl = \"24h\" }\nqueue \"argued\" { arguments = { \"x-message-ttl\" = 7200000 } }\n"+
				"flow \"f\" {\n from = queue.in\n %s\n %s\n discard {}\n}", test.options, test.stages)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := warnings(t, file, "amqp://h")
			if test.warning == "" && (strings.Contains(got, "never full") || strings.Contains(got, "too early")) || !strings.Contains(got, test.warning) {
				t.Errorf("it says %s", got)
			}
		})
	}
}
