package flow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/routing"
)

// An expression that cannot give what its option takes is refused when files are loaded.
func TestLoad_WhatExpressionsGive(t *testing.T) {
	const loop = "loop {\n %s\n transform { body = \"body\" }\n }"
	const ask = "scatter_gather {\n to = [queue.a, queue.b]\n complete = %s\n }"
	for stage, wrong := range map[string]string{
		fmt.Sprintf(loop, `while = "body.n"`):                "",
		fmt.Sprintf(loop, `while = "body.n + 1 > 2"`):        "",
		fmt.Sprintf(loop, `while = 5`):                       "must be true or false, and it is a number",
		fmt.Sprintf(loop, `while = "len(body)"`):             "must be true or false, and it is a number",
		fmt.Sprintf(loop, `times = 3`):                       "",
		fmt.Sprintf(loop, `times = "body.n"`):                "",
		fmt.Sprintf(loop, `times = true`):                    "must be a number, and it is a boolean",
		fmt.Sprintf(loop, `times = "'three'"`):               "must be a number, and it is text",
		fmt.Sprintf(loop, `times = "nil"`):                   "must be a number, and nil is none",
		`delay { until = "body.at" }`:                        "",
		`delay { until = "now() + duration('1h')" }`:         "",
		`delay { until = "'2030-01-31T09:00:00Z'" }`:         "",
		`delay { until = 1700000000 }`:                       "must be a time, or text that is one, and it is a number",
		`delay { until = "duration('1h')" }`:                 "must be a time, or text that is one, and it is a duration",
		`delay { until = "nil" }`:                            "must be a time, and nil is none",
		`transform { priority = "body.vip ? 9 : nil" }`:      "",
		`transform { priority = "nil" }`:                     "",
		`transform { priority = "'high'" }`:                  "must be a number, and it is text",
		`transform { priority = "body.vip == true" }`:        "must be a number, and it is a boolean",
		`transform { expiration = "'90s'" }`:                 "",
		`transform { expiration = "duration('90s')" }`:       "",
		`transform { expiration = 1.5 }`:                     "",
		`transform { expiration = "nil" }`:                   "",
		`transform { expiration = "now()" }`:                 "must be a duration or a number, and it is a time",
		`transform { expiration = "[90]" }`:                  "must be a duration or a number, and it is a list",
		fmt.Sprintf(ask, `"len(replies) > 1"`):               "",
		fmt.Sprintf(ask, `"replies[0].body.last"`):           "",
		fmt.Sprintf(ask, `"any(replies, .body == 'last')"`):  "",
		fmt.Sprintf(ask, `"len(replies)"`):                   "must be true or false, and it is a number",
		fmt.Sprintf(ask, `"filter(replies, .body != 'no')"`): "must be true or false, and it is a list",
	} {
		file := filepath.Join(t.TempDir(), "flow.hcl")
		text := fmt.Sprintf("queue \"in\" {}\nqueue \"a\" {}\nqueue \"b\" {}\nflow \"f\" {\n from = queue.in\n %s\n discard {}\n}", stage)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, diags := flow.Load(flow.Options{Files: []string{file}, Broker: "memory:"})
		got := ""
		for _, d := range diags.Errs() {
			got += d.Error() + "\n"
		}
		if (got == "") != (wrong == "") || !strings.Contains(got, wrong) {
			t.Errorf("%s: it says %q, want %q", stage, got, wrong)
		}
	}
}
