// Package check attacks `eipd check` with files from a stranger: whatever is in
// them, it ends soon, takes little memory, and shows nothing of the machine.
package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

var eipd string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "check")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	eipd = filepath.Join(dir, "eipd")
	if out, err := exec.Command("go", "build", "-o", eipd, "github.com/eipd/eipd/cmd/eipd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build eipd: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// What must be seen in no output: parts of a variable, of a file beside the flow
// files, and of one elsewhere.
const (
	secret  = "s3cr3t,Hunter/2:swordfish 1e5"
	private = "line one of a private file"
)

var parts = []string{"s3cr3t", "Hunter", "hunter", "HUNTER", "swordfish", "hsifdrows", "line one", "private file", "root:", "czNjcjN0"}

// check runs `eipd check` in a folder that has the files, and returns what it says.
func check(t *testing.T, files map[string]string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	files["secret.txt"] = private + "\n" + secret + "\n"
	files["secret.json"] = `{"key s3cr3t": ["swordfish", 12345678901]}`
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return run(t, dir, append([]string{"check"}, args...)...)
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // on a busy machine too
	defer cancel()
	cmd := exec.CommandContext(ctx, eipd, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SECRET="+secret, "EIPD_VAR_given="+secret)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Errorf("ended with %v", err)
	}
	text := string(out)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if used > 7*time.Second { // of cores; both of them work while memory is collected
		t.Errorf("took %v of cores", used)
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
		t.Logf("%v of cores, %d MiB, %d bytes", used, u.Maxrss>>10, len(text))
		if u.Maxrss > 300<<10 {
			t.Errorf("took %d MiB", u.Maxrss>>10)
		}
	}
	if len(text) > 300_000 {
		t.Errorf("said %d bytes", len(text))
	}
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("shows %q:\n%.2000s", p, text)
		}
	}
	if strings.Contains(text, "goroutine ") || strings.Contains(text, "panic") {
		t.Errorf("panics: %.3000s", text)
	}
	return text
}

const console = "adapter \"stdio\" \"console\" {}\n"

// flow is one whose filter has an if of this kind.
func flow(condition string) string {
	return console + "flow \"f\" {\n  from = adapter.console\n  filter { if = " + condition + " }\n  to = adapter.console\n}\n"
}

func locals(lines ...string) string { return "locals {\n" + strings.Join(lines, "\n") + "\n}\n" }

// ones is a list of n numbers, long in the file.
func ones(n int) string { return "[" + strings.Repeat("1,", n) + "1]" }

func each(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// bombs are files that ask for more time or memory than anybody has.
func bombs() map[string]string {
	const mib = 1 << 20
	big := `a = "` + strings.Repeat("a", 500_000) + `"`
	json := func(text string) string { return locals(`x = jsondecode(` + text + `)`) }
	return map[string]string{
		"indent":                        locals(`x = indent(2000000000, "a\nb")`),
		"nested replace":                locals(`x = ` + strings.Repeat("replace(", 9) + `"aaaaaaaaaa"` + strings.Repeat(`, "a", "aaaaaaaaaa")`, 9)),
		"replace of nothing":            locals(big, `x = replace(local.a, "", local.a)`),
		"big exponent":                  locals("x = 1e99999999 * 1e99999999"),
		"big exponents added":           locals(`x = "1e99999999" + 1`),
		"exponent of a text":            locals(`x = tostring(tonumber("1e99999999"))`),
		"exponent shown":                locals(`x = format("%d", "1e99999999")`),
		"exponents in a list shown":     locals(`x = formatlist("%d", ["1e99999999"])`),
		"squares":                       locals("a = 1e300", `x = "${`+strings.Repeat("local.a*local.a*", 2000)+`1}"`),
		"a long number":                 locals("x = " + strings.Repeat("9", mib-100)),
		"a number as an option":         console + "flow \"f\" {\n from = adapter.console\n concurrency = \"1e99999999\"\n to = adapter.console\n}\n",
		"index":                         locals(`x = [1]["1e99999999"]`),
		"parse a number":                locals(`a = format("%0900000d", 1)`, `x = parseint(local.a, 10)`),
		"ceil":                          locals(`x = ceil("1e99999999")`),
		"modulo":                        locals(`x = 1e999 % 3.1e-900`, `y = "1e99999999" % 3`),
		"width":                         locals(`x = format("%2000000000d", 1)`),
		"precision":                     locals(`x = format("%.2000000000f", 1.5)`),
		"many widths":                   locals(`x = format("` + strings.Repeat("%9999d", 100_000) + `", ` + strings.Repeat("1,", 100_000) + `1)`),
		"one argument often":            locals(big, `x = format("`+strings.Repeat("%[1]s", 60_000)+`", local.a)`),
		"formatlist in a for":           locals(`x = [for i in range(1000) : formatlist("%9999s", [for j in range(1000) : "a"])]`, big),
		"formatlist in a for, in turns": locals(`a = [for j in range(1000) : "a"]`, `x = [for i in range(1000) : formatlist("%9999s", local.a)]`),
		"locals that double":            locals(`a0 = "aaaaaaaaaa"`, each(60, func(i int) string { return fmt.Sprintf("a%d = \"${local.a%d}${local.a%d}\"\n", i+1, i, i) })),
		"lists that double":             locals(`a0 = [1]`, each(60, func(i int) string { return fmt.Sprintf("a%d = [local.a%d, local.a%d]\n", i+1, i, i) })),
		"objects that double":           locals(`a0 = {a=1}`, each(60, func(i int) string { return fmt.Sprintf("a%d = {a=local.a%d, b=local.a%d}\n", i+1, i, i) })),
		"a template of many":            locals(big, `x = "`+strings.Repeat("${local.a}", 50_000)+`"`),
		"a template with a for":         locals(big, `x = "%{for i in range(1000)}${local.a}%{endfor}"`),
		"a for of templates":            locals(big, `x = [for i in range(1000) : "${local.a}${i}"]`),
		"join":                          locals(big, `x = join(local.a, range(1000))`),
		"split":                         locals(big, `x = [for i in range(1000) : length(split("", local.a))]`),
		"jsonencode":                    locals(`x = ` + strings.Repeat("jsonencode(", 60) + `"\""` + strings.Repeat(")", 60)),
		"deep JSON":                     json(`"` + strings.Repeat("[", 500_000) + `"`),
		"wide JSON":                     json(`"[` + strings.Repeat("[],", 300_000) + `[]]"`),
		"numbers in JSON":               locals(`x = "${jsondecode("[1e99999999]")[0]}"`, `y = jsondecode("-1E+99999999")`),
		"CSV":                           locals(`x = csvdecode("` + each(100_000, func(i int) string { return fmt.Sprintf("c%d,", i) }) + `c\n` + strings.Repeat(",", 100_000) + `")`),
		"regex":                         locals(`a = "`+strings.Repeat("a", 400_000)+`"`, `x = regexreplace(local.a, "(a?){300}b", "")`),
		"regexall":                      locals(big, `x = regexall("(((((a)))))", local.a)`),
		"regex of repeats":              locals(`x = regexall("`+strings.Repeat("a{1000}", 50_000)+`", "a")`, big),
		"regexreplace":                  locals(big, `x = regexreplace(local.a, "a*", "$0$0$0$0")`, `y = regexreplace(local.a, "", local.a)`),
		"trim":                          locals(`a = "`+strings.Repeat("é", 200_000)+`"`, `x = trim(local.a, "`+strings.Repeat("ü", 200_000)+`é")`),
		"strlen in a for":               locals(big, `x = [for i in range(1000) : strlen(local.a)]`),
		"distinct":                      locals(`a = flatten([for i in range(1000) : [for j in split("", "`+strings.Repeat("ab", 40)+`") : "${i}-${j}"]])`, `x = distinct(local.a)`) + "",
		"distinct time and again":       locals(`x0 = range(1000)`, `y = [for a in local.x0 : distinct(local.x0)]`),
		"merge time and again":          locals(`x0 = range(1000)`, `m = {for i in local.x0 : "k${i}" => i}`, `y = [for a in local.x0 : merge(local.m, {b = a})]`),
		"contains time and again":       locals(`x0 = range(1000)`, `y = [for a in local.x0 : [for b in local.x0 : contains(local.x0, -1)]]`),
		"equal time and again":          locals(`x0 = range(1000)`, `y = [for a in local.x0 : [for b in local.x0 : local.x0 == local.x0]]`),
		"zipmap time and again":         locals(`x0 = [for i in range(1000) : "k${i}"]`, `y = [for a in local.x0 : zipmap(local.x0, local.x0)]`),
		"lists time and again":          locals(`x0 = range(1000)`, `y = [for a in local.x0 : concat(local.x0, tolist(local.x0), reverse(local.x0), flatten([local.x0, local.x0]))]`),
		"sorted time and again":         locals(`x0 = [for i in range(1000) : "k${i}"]`, `y = [for a in local.x0 : [sort(local.x0), toset(local.x0), keys(zipmap(local.x0, local.x0)), compact(local.x0)]]`),
		"a long list of texts":          "control_bus {\n allow = [" + strings.Repeat(`"status",`, 90_000) + "]\n}\n",
		"a long list of numbers":        console + "flow \"f\" {\n from = adapter.console\n concurrency = [" + strings.Repeat(`1,`, 90_000) + "]\n to = adapter.console\n}\n",
		"a long map":                    "queue \"q\" {\n arguments = {" + each(60_000, func(i int) string { return fmt.Sprintf("a%d = 1, ", i) }) + "}\n}\n",
		"distinct of many":              locals(`x = distinct(split(",", "` + each(90_000, func(i int) string { return fmt.Sprint(i, ",") }) + `"))`),
		"mixed list":                    locals(`x = tolist([` + strings.Repeat(`1,"a",`, 60_000) + `1])`),
		"mixed condition":               locals(`x = true ? [` + strings.Repeat(`1,"a",`, 60_000) + `1] : []`),
		"coalesce":                      locals(`x = coalesce(` + strings.Repeat(`1,"a",`, 60_000) + `1)`),
		"arguments":                     locals("x = max(" + ones(170_000) + "...)"),
		"merge in a for":                locals(`a = {for i in range(1000) : "k${i}" => i}`, `x = [for i in range(1000) : merge(local.a, local.a)]`),
		"concat in a for":               locals(`a = range(1000)`, `x = [for i in range(1000) : concat(local.a, local.a)]`),
		"splat":                         locals(`a = [for i in range(1000) : {b = i}]`, `x = [for i in range(1000) : local.a[*].b]`),
		"many numbers":                  locals("x = " + ones(500_000)),
		"many numbers, not too many":    locals("x = " + ones(180_000)),
		"many dots":                     strings.Repeat(".", mib-1),
		"many lines":                    strings.Repeat("x\n", mib/2-1),
		"what is no sign":               strings.Repeat("`", mib-1),
		"many blocks":                   strings.Repeat("a{}\n", mib/4-1),
		"many errors":                   strings.Repeat("queue \"a\" {}\n", 60_000),
		"many attributes":               locals(each(95_000, func(i int) string { return fmt.Sprintf("a%d=1\n", i) })),
		"hidden from counting":          "x = /* \" */ [" + strings.Repeat("1,", 500_000) + "1]",
		"hidden in a heredoc":           "x = <<A\n\"${1}\nA\ny = [" + strings.Repeat("1,", 500_000) + "1]",
		"stages":                        console + "flow \"f\" {\n from = adapter.console\n" + strings.Repeat("filter { if = \"true\" }\n", 30_000) + " to = adapter.console\n}",
		"stages of another kind":        console + "flow \"f\" {\n from = adapter.console\n" + strings.Repeat("discard {}\n", 80_000) + "}",
		"one long expression often":     locals("a = \""+strings.Repeat("body.a + ", 1500)+"1 > 1\"") + console + "flow \"f\" {\n from = adapter.console\n" + strings.Repeat("filter { if = local.a }\n", 30_000) + " to = adapter.console\n}",
		"large patterns":                console + "flow \"f\" {\n from = adapter.console\n" + each(20_000, func(i int) string { return fmt.Sprintf("filter { if = \"body.a matches 'a{1000}%d'\" }\n", i) }) + " to = adapter.console\n}",
		"a larger pattern":              flow(`"body.a matches '` + strings.Repeat("a{1000}", 2000) + `'"`),
		"variables":                     each(30_000, func(i int) string { return fmt.Sprintf("variable \"v%d\" {}\n", i) }),
		"queues":                        each(40_000, func(i int) string { return fmt.Sprintf("queue \"q%d\" {}\n", i) }),
		"names that are not there":      each(20_000, func(i int) string { return fmt.Sprintf("queue \"q%d\" {}\n", i) }) + console + each(3000, func(i int) string { return fmt.Sprintf("flow \"f%d\" {\n from = queue.p%d\n discard {}\n}\n", i, i) }),
		"long names":                    "queue \"" + strings.Repeat("q", 400_000) + "\" {}\n" + console + "flow \"f\" {\n from = queue." + strings.Repeat("p", 400_000) + "\n discard {}\n}\n",
		"a circle of flows": each(9000, func(i int) string {
			return fmt.Sprintf("queue \"q%d\" {}\nflow \"f%d\" {\n from = queue.q%d\n to = queue.q%d\n}\n", i, i, i, (i+1)%9000)
		}),
		"a circle of locals":   locals(each(20_000, func(i int) string { return fmt.Sprintf("a%d = local.a%d\n", i, (i+1)%20_000) })),
		"locals that need all": locals(each(2000, func(i int) string { return fmt.Sprintf("a%d = length(local)\n", i) })),
		"many URLs":            each(15_000, func(i int) string { return fmt.Sprintf("broker \"b%d\" { url = \"amqp://u:pass%d@h\" }\n", i, i) }),
		"a heredoc":            "x = <<-A\n" + strings.Repeat("  ${1}\n", 100_000) + "A\n",
		"nested templates":     locals(`x = ` + strings.Repeat(`"${`, 40) + `1` + strings.Repeat(`}${2}"`, 40)),
		"control characters":   strings.Repeat("\x1b[31m\u202e", 50_000),
		"zero":                 strings.Repeat("\x00", mib-1),
	}
}

func TestCheck_Bombs(t *testing.T) {
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			out := check(t, map[string]string{"flow.hcl": text}, "flow.hcl")
			if strings.Contains(out, "takes more than") {
				t.Logf("it is not counted: %.300s", out)
			}
		})
	}
}

// The same in JSON, whose strings are templates.
func TestCheck_BombsInJSON(t *testing.T) {
	for name, text := range map[string]string{
		"indent":       `{"locals": {"x": "${indent(2000000000, \"a\\nb\")}"}}`,
		"exponent":     `{"locals": {"x": "${1e99999999 * 1e99999999}"}}`,
		"a number":     `{"flow": {"f": {"concurrency": 1e99999999}}}`,
		"digits":       `{"locals": {"x": ` + strings.Repeat("9", 1<<20-100) + `}}`,
		"double":       `{"locals": {"a0": "aaaaaaaaaa"` + each(60, func(i int) string { return fmt.Sprintf(`, "a%d": "${local.a%d}${local.a%d}"`, i+1, i, i) }) + `}}`,
		"numbers":      `{"locals": {"x": ` + ones(500_000) + `}}`,
		"many numbers": `{"locals": {"x": ` + ones(90_000) + `}}`,
		"brackets":     `{"locals": {"x": [` + strings.Repeat("[],", 300_000) + `[]]}}`,
		"templates":    `{"locals": {"x": [` + strings.Repeat(`"${1}",`, 90_000) + `1]}}`,
		"deep":         strings.Repeat(`{"a":`, 200_000),
		"keys":         `{"locals": {"x": {` + each(90_000, func(i int) string { return fmt.Sprintf(`"%d":1,`, i) }) + `"a":1}}}`,
		"private keys": `{"locals": {"x": {"${env(\"SECRET\")}": 1, "${env(\"SECRET\")}": 2}}}`,
		"private":      `{"locals": {"x": "${tonumber(env(\"SECRET\"))}"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			check(t, map[string]string{"flow.hcl.json": text}, "flow.hcl.json")
		})
	}
}

// What came from the environment or a file is not shown, whatever becomes of it.
func TestCheck_ShowsNothingOfTheMachine(t *testing.T) {
	value := `env("SECRET")`
	option := func(name, v string) string {
		return console + "flow \"f\" {\n from = adapter.console\n " + name + " = " + v + "\n to = adapter.console\n}\n"
	}
	tests := map[string]string{
		"an expression":        flow(value),
		"a part of one":        flow(`"body.a == ${` + value + `}"`),
		"a name in one":        flow(`"${split(",", ` + value + `)[0]} > 1"`),
		"of a file":            flow(`file("secret.txt")`),
		"a line of a file":     flow(`split("\n", file("secret.txt"))[0]`),
		"of another folder":    flow(`file("/etc/passwd")`),
		"a number":             option("concurrency", value),
		"part of a number":     option("concurrency", `"${strlen(`+value+`)}.5"`),
		"a number in it":       option("concurrency", `split(" ", `+value+`)[1]`),
		"a duration":           console + "flow \"f\" {\n from = adapter.console\n retry { delay = " + value + " }\n to = adapter.console\n}\n",
		"a size":               "adapter \"http\" \"h\" {\n listen = \":0\"\n max_body = " + value + "\n}\n",
		"one of several":       "adapter \"file\" \"h\" {\n path = \"x\"\n after = " + value + "\n mode = " + value + "\n format = " + value + "\n}\n",
		"a URL":                "broker \"b\" { url = " + value + " }\n",
		"a URL of a kind":      "broker \"b\" { url = \"ftp://${" + value + "}\" }\nqueue \"q\" { broker = broker.b }\n",
		"a broken URL":         "broker \"b\" {\n url = \"amqp://h:${" + value + "}\"\n default = true\n}\n" + flow("\"true\""),
		"a pattern":            "topic \"t\" {}\nflow \"f\" {\n from = topic.t\n pattern = " + value + "\n discard {}\n}\n",
		"an address":           "queue \"q\" { address = \"${" + value + "}\" }\nqueue \"r\" { address = \"${" + value + "}\" }\n",
		"an argument":          "queue \"q\" { arguments = { x = " + value + " } }\n",
		"a reference":          option("dead_letter", value),
		"a reference in JSON":  option("dead_letter", `"${split(",", `+value+`)[0]}.${split("/", `+value+`)[0]}"`),
		"an index":             locals(`x = {a = 1}[` + value + `]`),
		"an index of a list":   locals(`x = [1][` + value + `]`),
		"an attribute":         locals(`x = jsondecode(file("secret.json")).no`),
		"types of attributes":  locals(`x = true ? jsondecode(file("secret.json")) : {a = 1}`, `y = true ? jsondecode(file("secret.json")) : 1`),
		"a key":                locals(`x = {(` + value + `) = 1}.a`),
		"keys that are equal":  locals(`x = {for i in [1, 2] : ` + value + ` => i}`),
		"a key of expressions": console + "flow \"f\" {\n from = adapter.console\n translator { headers = { (" + value + ") = 1 } }\n transform { headers = { (" + value + ") = 1, (" + value + ") = null } }\n to = adapter.console\n}\n",
		"a sum":                locals(`x = ` + value + ` + 1`),
		"a sign":               locals(`x = -` + value),
		"a division":           locals(`x = 1 / (` + value + ` == "" ? 1 : 0)`),
		"a condition":          locals(`x = ` + value + ` ? 1 : 2`),
		"parseint":             locals(`x = parseint(` + value + `, 10)`),
		"tonumber":             locals(`x = tonumber(` + value + `)`),
		"tobool":               locals(`x = tobool(lower(` + value + `))`),
		"jsondecode":           locals(`x = jsondecode(` + value + `)`),
		"csvdecode":            locals(`x = csvdecode("a,a\n${`+value+`}")`, `y = csvdecode("${`+value+`},${`+value+`}\n1,2")`),
		"regex":                locals(`x = regex("(${` + value + `}", "")`),
		"format":               locals(`x = format("%d", `+value+`)`, `y = format("%${`+value+`}", 1)`),
		"formatdate":           locals(`x = formatdate("YYYY", ` + value + `)`),
		"range":                locals(`x = range(` + value + `)`),
		"a name of a file":     locals(`x = file(` + value + `)`),
		"a name of a variable": locals(`x = env(` + value + `)`),
		"a for":                locals(`x = [for c in split("", ` + value + `) : c + 1]`),
		"a for of a for":       locals(`a = [for c in split(",", `+value+`) : upper(c)]`, `x = [for c in local.a : tonumber(c)]`),
		"a template":           locals(`x = "%{for c in split(",", ` + value + `)}${c}%{endfor}" + 1`),
		"a splat":              locals(`x = [{a = ` + value + `}][*].a + 1`),
		"reversed":             locals(`x = tonumber(strrev(` + value + `))`),
		"a variable":           "variable \"v\" {\n type = number\n default = " + value + "\n}\n",
		"a variable of maps":   "variable \"v\" {\n type = map(number)\n default = { (" + value + ") = " + value + " }\n}\n",
		"a variable's use":     "variable \"v\" { default = " + value + " }\n" + flow(`var.v`),
		"a given variable":     "variable \"given\" {}\n" + flow(`var.given`),
		"a given number":       "variable \"given\" { type = number }\n",
		"a given list":         "variable \"given\" { type = list(string) }\n",
		"sensitive":            "variable \"v\" { sensitive = " + value + " }\n",
		"the type":             "variable \"v\" { type = " + value + " }\n",
		"a label":              "queue \"${" + value + "}\" {}\n",
		"too large":            locals(`x = [for i in range(1000) : "` + strings.Repeat("${"+value+"}", 100) + `"]`),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			check(t, map[string]string{"flow.hcl": text}, "flow.hcl")
		})
	}
}

// A folder from a stranger may hold anything under the name of a flow file.
func TestCheck_FilesThatAreNone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("has /proc and /dev/zero")
	}
	outside := filepath.Join(t.TempDir(), "private.txt")
	if err := os.WriteFile(outside, []byte(private), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(path string) error{
		"a link to another file":    func(path string) error { return os.Symlink(outside, path) },
		"a link to the passwords":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"a link to the environment": func(path string) error { return os.Symlink("/proc/self/environ", path) },
		"a link to what has no end": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to standard input":  func(path string) error { return os.Symlink("/dev/stdin", path) },
		"a link to itself":          func(path string) error { return os.Symlink(path, path) },
		"a link to a pipe": func(path string) error {
			_ = syscall.Mkfifo(path+".pipe", 0o600)
			return os.Symlink(path+".pipe", path)
		},
		"a pipe":                     func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder":                   func(path string) error { return os.Mkdir(path, 0o700) },
		"a hole":                     func(path string) error { _ = os.WriteFile(path, nil, 0o600); return os.Truncate(path, 1<<40) },
		"what reads one without end": func(path string) error { return os.WriteFile(path, []byte(locals(`x = file("/dev/zero")`)), 0o600) },
		"what reads the environment": func(path string) error { return os.WriteFile(path, []byte(flow(`file("/proc/self/environ")`)), 0o600) },
		"what reads a pipe": func(path string) error {
			_ = syscall.Mkfifo(path+".pipe", 0o600)
			return os.WriteFile(path, []byte(locals(`x = file("flow.hcl.pipe")`)), 0o600)
		},
		"what reads a thousand files": func(path string) error {
			return os.WriteFile(path, []byte(locals(`x = [for i in range(1000) : file("large.txt")]`)), 0o600)
		},
	} {
		for _, mode := range []os.FileMode{0o777, 0o755} { // others laid what is in it, or packed it
			t.Run(fmt.Sprintf("%s, %o", name, mode), func(t *testing.T) {
				dir := t.TempDir()
				if err := os.Chmod(dir, mode); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "large.txt"), []byte(strings.Repeat(private, 30_000)), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := make(filepath.Join(dir, "flow.hcl")); err != nil {
					t.Fatal(err)
				}
				for _, args := range [][]string{{"check", "flow.hcl"}, {"check", "."}, {"check", "*.hcl"}, {"check", "--var-file", "flow.hcl", "flow.hcl"}, {"plan", "flow.hcl"}, {"fmt", "--check", "flow.hcl"}, {"fmt", "."}} {
					run(t, dir, args...)
				}
			})
		}
	}
}

// Nor does a folder within it lead elsewhere, or a file that is to be formatted.
func TestCheck_LinksOutOfTheFolder(t *testing.T) {
	outside := t.TempDir()
	const text = "queue   \"line one of a private file\"   {}\n"
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "a.hcl"), text)
	write(filepath.Join(outside, "a.json"), `{"line one": 1}`)
	dir := t.TempDir()
	for name, target := range map[string]string{"sub": outside, "b.hcl": filepath.Join(outside, "a.hcl"), "c.json": filepath.Join(outside, "a.json")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "*/*"}, {"check", "**/*"}, {"check", "s*/a.hcl"}, {"check", "."}, {"check", "b.hcl"}, {"check", "c.json"}, {"check", "*.json"}, {"fmt", "b.hcl"}, {"fmt", "*/*.hcl"}, {"plan", "*/*"}} {
		out := run(t, dir, args...)
		if !strings.Contains(out, "leads out of") {
			t.Errorf("%s says %.300s", args, out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(outside, "a.hcl")); err != nil || string(b) != text {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

// What people write loads, and in a large measure.
func TestCheck_LargeFilesLoad(t *testing.T) {
	text := console + each(3000, func(i int) string {
		return fmt.Sprintf("queue \"q%d\" {}\nflow \"f%d\" {\n  from = queue.q%d\n  filter { if = \"body.total > %d && body.region == 'eu'\" }\n  to = adapter.console\n}\n", i, i, i, i)
	})
	if out := check(t, map[string]string{"flow.hcl": text}, "flow.hcl"); !strings.Contains(out, "ok: 3000 flows") {
		t.Errorf("said %.1000s", out)
	}
}
