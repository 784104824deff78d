package flow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Flows that may send round what they read are warned of, but not those that send as often
// as a slip says.
func TestCheck_Circles(t *testing.T) {
	const next = "next_step {\n allow = [queue.in]\n secret = \"of the tests alone\"\n %s}"
	for name, test := range map[string]struct {
		stage  string
		warned bool
	}{
		"to itself":             {"send { to = queue.in }\n discard {}", true},
		"as a slip says":        {fmt.Sprintf(next, ""), false},
		"a slip and another":    {"send { to = queue.in }\n" + fmt.Sprintf(next, ""), true},
		"at the end of a slip":  {fmt.Sprintf(next, "otherwise { to = queue.in }\n"), true},
		"a list of recipients":  {"recipient_list {\n recipients = \"headers.to\"\n allow = [queue.in]\n}", true},
		"the start of its slip": {"routing_slip {\n route = \"headers.to\"\n allow = [queue.in]\n secret = \"of the tests alone\"\n}", true},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "flow.hcl")
			if err := os.WriteFile(file, []byte("queue \"in\" {}\nflow \"f\" {\n from = queue.in\n "+test.stage+"\n}"), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := warnings(t, file, "memory:"); strings.Contains(got, "come back to it: f → f") != test.warned {
				t.Errorf("it says %q", got)
			}
		})
	}
}
