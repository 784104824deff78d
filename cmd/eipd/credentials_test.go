package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
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
		"to send":            {[]string{"EIPD_PASSWORD=tell-nobody"}, []string{"send", "queue.q", "--body", "x", "--broker", bare, "--timeout", "10s"}, 3, "login"},
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

// Of a server that others made, ping says what is wrong with which certificate.
func TestPing_Certificates(t *testing.T) {
	const openssl = "/usr/bin/openssl"
	rabbit.Require(t, openssl)
	n, dir := rabbit.Shared(t), t.TempDir()
	server := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", n.File("server.pem"), "-key", n.File("server.key"), "-CAfile", n.File("ca.pem"), "-Verify", "2", "-verify_return_error")
	stdin, err := server.StdinPipe() // it ends with that
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it was killed
	}()
	defer stdin.Close()
	at := ""
	lines := bufio.NewScanner(stdout)
	for at == "" && lines.Scan() {
		at, _ = strings.CutPrefix(lines.Text(), "ACCEPT 127.0.0.1:")
		if at == lines.Text() {
			at = ""
		}
	}
	if at == "" {
		t.Fatal("openssl does not say where it listens")
	}
	go func() {
		for lines.Scan() { // it waits for who reads
		}
	}()
	own := []string{"--cert", n.File("client.pem"), "--key-file", n.File("client.key")}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"wrong CA":       {append([]string{"--ca", n.File("client.pem")}, own...), exitFailed, "TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority; if the certificate is meant, name the one that signed it as ca"},
		"wrong name":     {append([]string{"--ca", n.File("ca.pem"), "--server-name", "elsewhere"}, own...), exitFailed, "TLS: tls: failed to verify certificate: x509: certificate is valid for localhost, not elsewhere; connect by a name that is in the certificate, or say it as server_name"},
		"no certificate": {[]string{"--ca", n.File("ca.pem")}, exitFailed, "remote error: tls: certificate required; the broker refuses: it may want a client's certificate"},
		"all is right":   {append([]string{"--ca", n.File("ca.pem"), "--timeout", "1s"}, own...), exitTimeout, ""}, // it speaks no protocol that we know
	} {
		for _, scheme := range []string{"amqps", "stomps"} {
			t.Run(name+" "+scheme, func(t *testing.T) {
				_, stderr, code := output(t, eipd(t, dir, append([]string{"ping", fmt.Sprintf("%s://joe:tell-nobody@localhost:%s", scheme, at)}, c.args...)...))
				if code != c.code || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "tell-nobody") || strings.Contains(stderr, ": TLS: ") != (c.says != "") {
					t.Errorf("exit %d, want %d and %q in:\n%s", code, c.code, c.says, stderr)
				}
			})
		}
	}
}
