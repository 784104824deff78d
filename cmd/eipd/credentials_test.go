package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// A password need not stand on the command line, and does not come out again.
func TestCredentials(t *testing.T) {
	url := rabbit.Shared(t).URL()
	bare := strings.Replace(url, ":guest@", "@", 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte("guest\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"in the environment": {[]string{"EIPD_PASSWORD=guest"}, []string{"ping", bare}, 0, "answers: RabbitMQ"},
		"in a file":          {nil, []string{"ping", bare, "--password-file", file}, 0, "answers: RabbitMQ"},
		"all from there":     {[]string{"EIPD_PASSWORD=guest", "EIPD_BROKER=" + bare}, []string{"ping"}, 0, "answers: RabbitMQ"},
		"the URL's own wins": {[]string{"EIPD_PASSWORD=tell-nobody"}, []string{"ping", url}, 0, "answers: RabbitMQ"},
		"wrong":              {[]string{"EIPD_PASSWORD=tell-nobody"}, []string{"ping", bare}, 1, "login"},
		"no user":            {[]string{"EIPD_PASSWORD=tell-nobody"}, []string{"ping", "amqp://127.0.0.1"}, 2, "names no user"},
		"no file":            {nil, []string{"ping", bare, "--password-file", filepath.Join(dir, "none")}, 2, "--password-file"},
		"half a pair":        {nil, []string{"ping", bare, "--cert", file}, 2, "go together"},
		"no certificate":     {nil, []string{"ping", bare, "--ca", file}, 1, "no certificate in PEM form"},
		"no broker":          {[]string{"EIPD_BROKER="}, []string{"ping"}, 2, "name the broker: URL, or EIPD_BROKER"},
		"to send":            {[]string{"EIPD_PASSWORD=tell-nobody"}, []string{"send", "queue.q", "--body", "x", "--broker", bare, "--timeout", "3s"}, 3, "login"},
		"to the bus":         {[]string{"EIPD_PASSWORD=guest"}, []string{"status", "--broker", bare, "--wait", "100ms"}, 3, "answered"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := eipd(t, dir, c.args...)
			cmd.Env = append(cmd.Env, c.env...)
			stdout, stderr, code := output(t, cmd)
			if said := stdout + stderr; code != c.code || !strings.Contains(said, c.says) || strings.Contains(said, "tell-nobody") {
				t.Errorf("exit %d, want %d: %s", code, c.code, said)
			}
		})
	}
}
