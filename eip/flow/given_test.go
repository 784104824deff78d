package flow_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/adapter/exec"
	_ "github.com/eipd/eipd/eip/endpoint"
)

// beside loads a file beside none, with values as the control bus gives them.
func beside(t *testing.T, text, given string) (*flow.Config, hcl.Diagnostics) {
	t.Helper()
	c, diags := flow.Load(flow.Options{NoFiles: true, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var values map[string]any
	d := json.NewDecoder(strings.NewReader(given))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		t.Fatal(err)
	}
	return c.LoadBeside(map[string][]byte{"beside.hcl": []byte(text)}, values)
}

// What the control bus gives is taken by dynamic variables only, of their types.
func TestLoadBeside_Given(t *testing.T) {
	const text = `
variable "size" {
  type    = number
  default = 1
  dynamic = true
}
variable "names" {
  type    = list(string)
  default = []
  dynamic = true
}
variable "say" {
  type    = string
  default = "x"
  dynamic = true
}
variable "fixed" { default = 1 }
queue "q" { address = "${var.size} ${join(",", var.names)} ${var.say}" }
`
	for given, want := range map[string]string{
		`{}`:                          "1  x",
		`{"size": 3}`:                 "3  x",
		`{"size": "3"}`:               "3  x",
		`{"names": ["a", "${b}"]}`:    "1 a,${b} x",
		`{"names": "[\"a\", \"b\"]"}`: "1 a,b x",
		`{"say": "${file(\"x\")}"}`:   `1  ${file("x")}`,
		`{"say": 1.0}`:                "1  1",
	} {
		c, diags := beside(t, text, given)
		if diags.HasErrors() {
			t.Errorf("%s: %v", given, diags)
			continue
		}
		if got := c.Channels["queue.q"].Address; got != want {
			t.Errorf("%s gives %q, want %q", given, got, want)
		}
	}
	for given, want := range map[string]string{
		`{"sizes": 3}`:                 `declares no variable "sizes". Did you mean size?`,
		`{"fixed": 3}`:                 `"fixed" may be given a value over the control bus where the flow file says dynamic = true`,
		`{"size": "many"}`:             `"size" must be a number; what the control bus gives is not`,
		`{"size": null}`:               `"size" must be a number; what the control bus gives is not`,
		`{"size": [1]}`:                `"size" must be a number; what the control bus gives is not`,
		`{"names": {"a": []}}`:         `"names" must be a list of string; what the control bus gives is not`,
		`{"names": "[env(\"PATH\")]"}`: `"names" must be a list of string; what the control bus gives is not`,
		`{"names": ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: "100 brackets in each other",
	} {
		_, diags := beside(t, text, given)
		if !diags.HasErrors() || !strings.Contains(diags[0].Detail, want) {
			t.Errorf("%s: %v, want %s", given, diags, want)
			continue
		}
		if !flow.IsOfGiven(diags[0]) && !strings.Contains(want, "brackets") {
			t.Errorf("%s is said to be the file's fault", given)
		}
	}
}

// A program that a dynamic variable spoils is a mistake of the file's place that names it.
func TestLoadBeside_SpoilsAProgram(t *testing.T) {
	const text = `
variable "x" {
  default = "1"
  dynamic = true
}
queue "q" {}
flow "f" {
  from = queue.q
  filter { if = "%{ if var.x == "" }true%{ else }1 > ${var.x}%{ endif }" }
  discard {}
}
`
	for _, x := range []string{`1e400`, `"("`, `"'"`, `"${"`} {
		_, diags := beside(t, text, `{"x": `+x+`}`)
		if len(diags) != 1 || diags[0].Summary != "Wrong expression" || diags[0].Subject.Start.Line != 9 {
			t.Errorf("%s: %v", x, diags)
		}
	}
}

// No way leads from a dynamic variable to a broker or a program, or to what the process
// can read.
func TestVariable_DynamicDecidesOnNoBrokerAndProgram(t *testing.T) {
	const variables = `
variable "x" {
  type    = string
  default = "a"
  dynamic = true
}
variable "list" {
  type    = list(string)
  default = ["a"]
  dynamic = true
}
variable "y" { default = "a" }
broker "one" { url = "memory:" }
broker "two" { url = "memory:two" }
queue "q" {}
`
	stage := func(block string) string {
		return "flow \"f\" {\n  from = queue.q\n  " + block + "\n  discard {}\n}\n"
	}
	url := func(expr string) string { return "broker \"b\" { url = " + expr + " }\n" }
	for text, option := range map[string]string{
		url(`var.x`):             "url",
		url(`"memory:${var.x}"`): "url",
		url(`"memory:%{ if var.x == "a" }a%{ endif }"`):                             "url",
		url(`var.x == "a" ? "memory:" : "memory:b"`):                                "url",
		url(`{ a = "memory:" }[var.x]`):                                             "url",
		url(`{ (var.x) = "memory:" }.a`):                                            "url",
		url(`[for v in ["memory:"] : v if var.x == "a"][0]`):                        "url",
		url(`{ for k, v in { (var.x) = "memory:" } : k => v }.a`):                   "url",
		url(`join("", [for v in var.list : "memory:"])`):                            "url",
		url(`element(["memory:"], length(var.list) - 1)`):                           "url",
		url(`upper(var.x)`):                                                         "url",
		url(`jsondecode(jsonencode({ u = var.x })).u`):                              "url",
		url(`var.list[0]`):                                                          "url",
		url(`join("", var.list[*])`):                                                "url",
		url(`-length(var.list) == 0 ? "memory:" : "memory:"`):                       "url",
		"locals {\n  b = local.a\n  a = { u = [var.x] }\n}\n" + url(`local.b.u[0]`): "url",
		"locals { a = var.x == \"a\" }\n" + url(`local.a ? "memory:" : "memory:"`):  "url",
		"broker \"b\" {\n  url = \"memory:\"\n  urls = [\"memory:\", var.x]\n}\n":   "urls",
		"broker \"b\" {\n  url = \"memory:\"\n  default = var.x == \"a\"\n}\n":      "default",
		"broker \"b\" {\n  url = \"memory:\"\n  tls { ca = var.x }\n}\n":            "ca",
		"broker \"b\" {\n  url = \"memory:\"\n  tls { cert = var.x }\n}\n":          "cert",
		"broker \"b\" {\n  url = \"memory:\"\n  tls { key = var.x }\n}\n":           "key",
		"broker \"b\" {\n  url = \"memory:\"\n  tls { server_name = var.x }\n}\n":   "server_name",
		"queue \"p\" { broker = var.x == \"a\" ? broker.one : broker.two }\n":       "broker",
		"topic \"p\" { broker = [broker.one, broker.two][length(var.list)] }\n":     "broker",
		stage(`exec { command = [var.x] }`):                                         "command",
		stage(`exec { command = ["echo", "-${var.x}"] }`):                           "command",
		stage(`exec { command = concat(["echo"], var.list) }`):                      "command",
		stage(`processor { command = var.list }`):                                   "command",
		"adapter \"exec\" \"e\" { command = var.list }\n":                           "command",
	} {
		_, diags := beside(t, variables+text, "{}")
		found := false
		for _, d := range diags {
			found = found || strings.Contains(d.Detail, `"`+option+`" cannot depend on var.`)
		}
		if !found {
			t.Errorf("%s is loaded: %v", text, diags)
		}
		if _, diags := beside(t, strings.ReplaceAll(variables, "dynamic = true", "dynamic = false")+text, "{}"); strings.Contains(diags.Error(), "cannot depend on") {
			t.Errorf("%s: %v", text, diags)
		}
	}
	for _, text := range []string{`env(var.x, "")`, `env("${var.x}", "")`, `file(var.x)`, `env("HOME", var.x)`, `file(element(["/etc/hostname"], length(var.list)))`} {
		_, diags := beside(t, variables+"queue \"p\" { address = "+text+" }\n", "{}")
		if !strings.Contains(diags.Error(), "what is read cannot depend on var.") {
			t.Errorf("%s is loaded: %v", text, diags)
		}
	}
	for name, text := range map[string]string{
		"its neighbour":        url(`["memory:", var.x][0]`),
		"another variable":     url(`"memory:${var.y}"`),
		"elsewhere":            "queue \"p\" { address = var.x }\n" + stage(`filter { if = "body == '${var.x}'" }`),
		"a stage of its block": stage("exec {\n  command = [\"echo\"]\n  timeout = \"${length(var.list)}s\"\n}"),
	} {
		if _, diags := beside(t, variables+text, `{"x": "b"}`); diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
		}
	}
	_, diags := beside(t, "variable \"x\" {\n  default = \"\"\n  sensitive = true\n  dynamic = true\n}\nqueue \"q\" {}\n", "{}")
	if !strings.Contains(diags.Error(), "A sensitive variable cannot be dynamic") {
		t.Error(diags)
	}
}

// What is applied need not declare what the process' own files were given.
func TestLoadBeside_OtherVariables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.hcl")
	if err := os.WriteFile(path, []byte("variable \"own\" {}\nqueue \"q\" {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{path}, Broker: "memory:", Variables: map[string]string{"own": "a", "shared": "b"}})
	if !strings.Contains(diags.Error(), "--var shared: no flow file declares") {
		t.Error(diags)
	}
	c, diags = c.LoadBeside(map[string][]byte{"beside.hcl": []byte("variable \"shared\" {}\nqueue \"q\" { address = var.shared }\n")}, nil)
	if diags.HasErrors() || c.Channels["queue.q"].Address != "b" {
		t.Error(diags)
	}
}
