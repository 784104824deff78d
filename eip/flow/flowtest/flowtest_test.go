package flowtest_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	_ "github.com/eipd/eipd/eip/adapter/all"
	_ "github.com/eipd/eipd/eip/broker/amqp"
	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow/flowtest"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
	_ "github.com/eipd/eipd/eip/store/memory"
	_ "github.com/eipd/eipd/eip/transform"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T, names ...string) []*flowtest.File {
	t.Helper()
	files, err := flowtest.Load(names)
	if err != nil {
		t.Fatal(problems(t, err))
	}
	return files
}

// problems is what is printed of test files that cannot be used.
func problems(t *testing.T, err error) string {
	t.Helper()
	wrong, ok := err.(*flowtest.Invalid)
	if !ok {
		t.Fatalf("%v is no Invalid", err)
	}
	var text strings.Builder
	if err := wrong.Write(&text, false); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it); got:\n%s", path, got)
	}
}

var took = regexp.MustCompile(`\d+ ms`)

// report is what is printed of results, without times.
func report(t *testing.T, results []*flowtest.Result, verbose bool) (string, flowtest.Summary) {
	t.Helper()
	var text strings.Builder
	if err := flowtest.WriteText(&text, results, verbose); err != nil {
		t.Fatal(err)
	}
	var all flowtest.Summary
	for _, r := range results {
		all.Add(r)
	}
	return took.ReplaceAllString(text.String(), "N ms"), all
}

// For everything that a test can say there is one that passes.
func TestRun_Passes(t *testing.T) {
	text, all := report(t, flowtest.Run(t, load(t, "testdata/all/passes_test.hcl"), flowtest.Options{}), true)
	if all.Failed > 0 || all.Skipped != 1 {
		t.Error(text)
	}
	golden(t, "all.txt", text)
}

// For everything that a test can say there is one that fails, and says why.
func TestRun_Fails(t *testing.T) {
	text, all := report(t, flowtest.Run(t, load(t, "testdata/fails/fails_test.hcl"), flowtest.Options{}), false)
	if all.Passed > 0 {
		t.Errorf("%d passed", all.Passed)
	}
	if strings.Contains(text, "swordfish") {
		t.Error("a secret is printed")
	}
	golden(t, "fails.txt", text)
}

// A test whose flows never come to rest ends when its real time is over, and says where
// messages are.
func TestRun_TakesTooLong(t *testing.T) {
	results := flowtest.Run(t, load(t, "testdata/loop/loop_test.hcl"), flowtest.Options{})
	text, all := report(t, results, false)
	if all.Failed != 1 || all.Passed != 1 || results[0].Failures[0].Kind != "timeout" || !strings.Contains(text, "it took longer than 300ms") {
		t.Error(text)
	}
}

// A test whose messages would fill the memory ends before, and one that sends as much is
// refused.
func TestRun_TooMuch(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"f.hcl":         "queue \"a\" {}\nflow \"grow\" {\n  from = queue.a\n  transform { body = \"body + '.'\" }\n  to = queue.a\n}\n",
		"big.txt":       strings.Repeat("x", 7<<20),
		"grow_test.hcl": "test \"grow\" {\n  send \"queue.a\" { body_file = \"big.txt\" }\n  settle {}\n  advance \"1h\" {}\n}\n",
		"many_test.hcl": "test \"many\" {\n  send \"queue.a\" {\n    body_file = \"big.txt\"\n    count     = 20\n  }\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, all := report(t, flowtest.Run(t, load(t, filepath.Join(dir, "grow_test.hcl")), flowtest.Options{}), false)
	if all.Failed != 1 || !strings.Contains(text, "its messages hold more than 128 MiB") {
		t.Errorf("%+v %.2000s", all, text)
	}
	_, err := flowtest.Load([]string{filepath.Join(dir, "many_test.hcl")})
	if err == nil || !strings.Contains(problems(t, err), "more than 64 MiB") {
		t.Error(err)
	}
}

// Of what the flow files redact, nothing is said.
func TestRun_Redacts(t *testing.T) {
	text, all := report(t, flowtest.Run(t, load(t, "testdata/redact/redact_test.hcl"), flowtest.Options{}), true)
	if all.Passed > 0 || strings.Contains(text, "4111") {
		t.Error(text)
	}
	golden(t, "redact.txt", text)
}

// What is wrong with a test file is told at its place, and what may be meant.
func TestLoad_Wrong(t *testing.T) {
	names, err := flowtest.Find([]string{"testdata/wrong"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = flowtest.Load(names)
	if err == nil {
		t.Fatal("it is taken for well")
	}
	golden(t, "wrong.txt", problems(t, err))
}

func TestRunFlows(t *testing.T) { flowtest.RunFlows(t, "testdata/all/*_test.hcl") }

func TestRunFlows_InPlaceOfRabbitMQ(t *testing.T) {
	flowtest.RunFlows(t, "testdata/rabbitmq/*_test.hcl")
}
