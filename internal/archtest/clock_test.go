package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// realTime are the files below eip that do not go by the clock of their environment, and
// why. What ends with / is a folder.
var realTime = map[string]string{
	"clock.go":      "it is the system's clock",
	"stage_call.go": "latency is measured by the monotonic clock",
	"flow_start.go": "whether stages get on is told by what really passes while they work",
	"flow_stop.go":  "an operator and his service manager wait for the end",
	"eiptest/":      "tests are bounded by what they really take",

	"broker/amqp/":                     "a server and the network to it have a time of their own",
	"broker/stomp/":                    "a server and the network to it have a time of their own",
	"broker/internal/remote/":          "a server and the network to it have a time of their own",
	"broker/embedded/commit.go":        "the disk's speed is measured",
	"broker/embedded/open.go":          "another process holds the lock, and files' ages are the disk's",
	"broker/internal/local/reserve.go": "that flows wait for each other shows by what really passes",
	"adapter/file/":                    "other programs change files, whose ages are the disk's",
	"adapter/http/bodies.go":           "callers send at the network's speed",
	"adapter/http/reply.go":            "a deadline of the network",
	"adapter/http/server.go":           "a deadline of the network",
	"adapter/http/sink.go":             "the server at the other end says when, by its own clock",
	"adapter/http/source.go":           "callers wait at the other end of the network",
	"adapter/internal/stream/batch.go": "a write that hangs is given up at the end",
	"adapter/timer/cron.go":            "whether a day will ever come is asked when files are checked",
	"internal/program/":                "programs run in real time",
	"internal/rarely/":                 "people read logs in real time",
	"transform/thumbnail_decode.go":    "it bounds what a processor does",

	"flow/flowtest/clock.go":         "the bubble's time is passed beside the test's",
	"flow/flowtest/unruly.go":        "it waits in the bubble's time, in which nothing moves",
	"flow/flowtest/runner.go":        "how long a test may take is bounded by real time",
	"host/depths.go":                 "brokers are asked, and who asks waits",
	"host/host.go":                   "how long the process has run",
	"host/idle.go":                   "it looks until the flows are really idle",
	"host/serve.go":                  "a broker is asked at the start",
	"host/signals.go":                "people press keys",
	"host/unit.go":                   "an operator and his service manager wait for the end",
	"manage/telemetry/":              "what is exported is compared with other systems' by real time",
	"manage/deadletter/take.go":      "a broker is asked",
	"manage/control/client.go":       "processes at the other end of the network answer",
	"manage/control/client_topic.go": "processes at the other end of the network answer",
	"manage/control/handle.go":       "who gave a command waits",
	"manage/control/probe_news.go":   "signatures are dated by the time that all processes share",
	"manage/control/publish.go":      "a broker's answer is waited for",
	"manage/control/purge.go":        "a broker is asked, and files are named by people's time",
	"manage/control/save.go":         "files are named by people's time",
	"manage/control/server.go":       "how long the process has run: what was signed before is not for it",
	"manage/control/status.go":       "how long the process has run",
	"manage/control/sign.go":         "signatures are dated by the time that all processes share",
	"manage/control/socket.go":       "a deadline of the network",
	"manage/control/topic.go":        "a broker's answer is waited for",
	"host/reload.go":                 "who writes files or gives signals waits, in real time",
}

// timed are the functions that tell the time or wait for it.
var timed = map[string]string{
	"Now": "time", "Since": "time", "Until": "time", "After": "time", "NewTimer": "time", "NewTicker": "time", "AfterFunc": "time", "Sleep": "time", "Tick": "time",
	"WithTimeout": "context", "WithDeadline": "context", "WithTimeoutCause": "context", "WithDeadlineCause": "context",
}

// A flow that a test drives waits for nothing else.
func TestClock_IsTheEnvironments(t *testing.T) {
	tree, used := os.DirFS("../../eip"), map[string]bool{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := s.X.(*ast.Ident); ok && timed[s.Sel.Name] == of.Name && !listed(name, used) {
				t.Errorf("%s: %s.%s is not the clock of the environment (eip.Env); use that, or say here why not", files.Position(n.Pos()), of.Name, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range realTime {
		if !used[name] {
			t.Errorf("%s goes by the clock; take it off the list", name)
		}
	}
}

func listed(file string, used map[string]bool) (is bool) {
	for name := range realTime {
		if file == name || strings.HasSuffix(name, "/") && strings.HasPrefix(file, name) {
			used[name], is = true, true
		}
	}
	return is
}
