package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who lists processes sees no password of any command that talks to a broker.
func TestCredentials_Listed(t *testing.T) {
	const password = "tell-nobody"
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"ping", "send queue.q --body x", "receive queue.q", "call queue.q --body x",
		"tap f --broker URL", "status --broker URL", "top --broker URL", "control list --broker URL", "control reload --broker URL"} {
		for _, from := range []string{"environment", "file"} {
			t.Run(words+" "+from, func(t *testing.T) {
				l := listen(t) // it answers nothing, so the command waits
				if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				url := fmt.Sprintf("amqp://joe@%s/", l.Addr())
				args, env := strings.Fields(strings.Replace(words, "URL", url, 1)), []string{"EIPD_BROKER=" + url}
				if from == "file" {
					args = append(args, "--password-file", file)
				} else {
					env = append(env, "EIPD_PASSWORD="+password)
				}
				c := eipd(t, dir, args...)
				c.Env = append(c.Env, env...)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() {
					_ = c.Process.Kill()
					_ = c.Wait() // it was killed
				}()
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				seen, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Process.Pid))
				if err != nil || !strings.Contains(string(seen), args[0]) || strings.Contains(string(seen), password) {
					t.Errorf("listed is %q: %v", seen, err)
				}
			})
		}
	}
}
