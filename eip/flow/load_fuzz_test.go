package flow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	_ "github.com/eipd/eipd/eip/adapter/all"
	"github.com/eipd/eipd/eip/flow"
	_ "github.com/eipd/eipd/eip/routing"
	_ "github.com/eipd/eipd/eip/transform"
)

const hidden = "Xq7swordfishZ9"

// A fuzzed flow file is put together from what is known to mean something: of
// bytes alone a fuzzer makes hardly any that parse.
type fuzzed struct {
	data  []byte
	depth int
}

func (f *fuzzed) next(n int) int {
	if len(f.data) == 0 {
		return 0
	}
	b := int(f.data[0])
	f.data = f.data[1:]
	return b % n
}

func (f *fuzzed) pick(s ...string) string { return s[f.next(len(s))] }

var fuzzedFunctions = []string{"abs", "ceil", "max", "parseint", "pow", "upper", "title", "strlen", "substr", "trim", "replace", "regex", "regexall", "regexreplace", "join", "split",
	"indent", "strrev", "format", "formatlist", "formatdate", "length", "concat", "contains", "distinct", "element", "flatten", "keys", "values", "lookup", "merge", "range", "reverse",
	"slice", "sort", "zipmap", "compact", "coalesce", "jsonencode", "jsondecode", "csvdecode", "tostring", "tonumber", "tobool", "tolist", "toset", "tomap", "env", "file"}

func (f *fuzzed) expression() string {
	if f.depth++; f.depth > 12 || len(f.data) == 0 {
		f.depth--
		return f.pick("1", `"a"`, "true", "null", "local.a", "var.v", `env("SECRET")`, `file("secret.txt")`, "1e300", "-2.5", "queue.q", "[]", "{}", `"[1,{\"a\":2}]"`, `"%5d%[1]s"`, `"(a?)+b"`)
	}
	defer func() { f.depth-- }()
	sub := f.expression
	switch f.next(12) {
	case 0, 1, 2:
		args := []string{}
		for range 1 + f.next(3) {
			args = append(args, sub())
		}
		return fuzzedFunctions[f.next(len(fuzzedFunctions))] + "(" + strings.Join(args, ", ") + f.pick("", "", "", "...") + ")"
	case 3:
		return `"` + f.pick("", "x") + "${" + sub() + "}${" + sub() + `}"`
	case 4:
		return "(" + sub() + f.pick(" + ", " * ", " / ", " % ", " == ", " < ", " && ") + sub() + ")"
	case 5:
		return "(" + sub() + " ? " + sub() + " : " + sub() + ")"
	case 6:
		return "[" + sub() + ", " + sub() + "]"
	case 7:
		return "{(" + sub() + ") = " + sub() + ", b = " + sub() + "}"
	case 8:
		if f.depth > 4 {
			return "[for x in " + f.pick("local.a", "range(50)") + " : x]"
		}
		return "[for k, v in " + f.pick("local.a", "local.b", `split("", env("SECRET"))`) + " : " + f.pick("k", "v", "[k, v]", `"${v}"`, "v + 1") + "]"
	case 9:
		return sub() + f.pick("[0]", `["a"]`, "[*]", ".a", "[*].a", "["+sub()+"]")
	case 10:
		return f.pick("-", "!") + sub()
	}
	return `"%{ for x in ` + f.pick("local.a", "range(9)") + ` }${x}%{ endfor }%{ if ` + sub() + ` }y%{ endif }"`
}

func (f *fuzzed) file() string {
	var b strings.Builder
	b.WriteString("adapter \"stdio\" \"c\" {}\nqueue \"q\" {}\n")
	fmt.Fprintf(&b, "variable \"v\" {\n default = %s\n}\n", f.expression())
	fmt.Fprintf(&b, "locals {\n a = %s\n b = %s\n c = %s\n}\n", f.expression(), f.expression(), f.expression())
	fmt.Fprintf(&b, "flow \"f\" {\n from = adapter.c\n %s = %s\n", f.pick("concurrency", "prefetch", "order_by", "subscription", "history", "dead_letter", "expression_budget"), f.expression())
	fmt.Fprintf(&b, " retry { %s = %s }\n filter { if = %s }\n to = %s\n}\n", f.pick("attempts", "delay"), f.expression(), f.expression(), f.pick("queue.q", f.expression()))
	fmt.Fprintf(&b, "environment \"e\" {\n v = %s\n}\n", f.expression())
	fmt.Fprintf(&b, "interceptor \"i\" {\n on = %s\n only = %s\n order = %s\n filter { if = %s }\n}\n", f.pick(`"receive"`, `"send"`, f.expression()),
		f.pick("queue.q", "adapter.c", "flow.f", "[flow.f, queue.q]", f.expression()), f.pick("1", f.expression()), f.pick(`"true"`, f.expression()))
	fmt.Fprintf(&b, "group \"g\" { flows = %s }\n", f.pick("flow.f", "[flow.f]", f.expression()))
	return b.String()
}

// Whatever is loaded ends, and shows nothing that came from outside of the files.
func FuzzLoad(f *testing.F) {
	for i := range 200 {
		data := make([]byte, 60)
		for j := range data {
			data[j] = byte((i*31 + j*j*17 + i*j*7) >> (j % 3))
		}
		f.Add(data)
	}
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte(hidden), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := (&fuzzed{data: data}).file()
		path := filepath.Join(t.TempDir(), "flow.hcl")
		src = strings.ReplaceAll(src, `"secret.txt"`, fmt.Sprintf("%q", filepath.Join(dir, "secret.txt")))
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := flow.Check(flow.Options{Files: []string{path}, LookupEnv: func(name string) (string, bool) { return hidden, name == "SECRET" }})
		var said strings.Builder
		if err := c.WriteDiagnostics(&said, diags, false); err != nil {
			t.Fatal(err)
		}
		if !diags.HasErrors() {
			if _, err := c.Build(eip.Clock{}); err != nil {
				t.Errorf("of\n%s\nit builds nothing: %v", src, err)
			}
		}
		for _, d := range diags {
			fmt.Fprintln(&said, d.Summary, d.Detail)
		}
		if text := strings.ToLower(said.String()); strings.Contains(text, "swordfish") || strings.Contains(text, "hsifdrows") || strings.Contains(text, "goroutine") {
			t.Errorf("of\n%s\nit says\n%s", src, said.String())
		}
	})
}
