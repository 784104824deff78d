package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A data directory that others may write is neither used nor asked, whatever is
// kept in it and however it is named.
func TestDataDirectory_OfOthers(t *testing.T) {
	for name, broker := range map[string]string{"messages": "embedded:", "only the socket": "memory:"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "f.hcl", "queue \"q\" {}\nflow \"f\" {\n  from = queue.q\n  discard {}\n}\n")
			data := filepath.Join(dir, ".eipd")
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(data, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, below := range []string{"", "/below"} {
				_, stderr, code := output(t, eipd(t, dir, "run", "--broker", broker, "--data-dir", data+below, "f.hcl"))
				if code != 1 || !strings.Contains(stderr, "chmod go-w "+data) {
					t.Errorf("run: exit %d, %s", code, stderr)
				}
			}
			l, err := net.Listen("unix", filepath.Join(data, "control.sock"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for _, args := range [][]string{{"status"}, {"control", "stop", "f"}, {"top", "--once"}, {"tap", "f"}} {
				_, stderr, code := output(t, eipd(t, dir, args...))
				if code == 0 || !strings.Contains(stderr, "chmod go-w") {
					t.Errorf("%v: exit %d, %s", args, code, stderr)
				}
			}
		})
	}
}
