package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
)

// A service manager hears how the process does from its start to its end, and scripts find
// it and its log by files.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", "adapter \"timer\" \"a\" { every = \"1h\" }\nflow \"a\" {\n  from = adapter.a\n  discard {}\n}\n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hears := func(want string) {
		t.Helper()
		for {
			b := make([]byte, 1000)
			n, err := manager.Read(b)
			if err != nil {
				t.Fatalf("it does not hear %s: %v", want, err)
			}
			if said := string(b[:n]); strings.HasPrefix(said, want) {
				return
			} else if said != "WATCHDOG=1" {
				t.Fatalf("it hears %q, want %q", said, want)
			}
		}
	}
	c := eipd(t, dir, "run", "flow.hcl", "--pid-file", "pid", "--log-file", "log")
	c.Env = append(c.Env, "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=300000")
	p := start(t, c)
	hears("STATUS=starting")
	hears("READY=1\nSTATUS=1 flow")
	hears("WATCHDOG=1")
	text := func(file string) string {
		b, _ := os.ReadFile(filepath.Join(dir, file))
		return string(b)
	}
	if got := text("pid"); got != strconv.Itoa(p.cmd.Process.Pid)+"\n" {
		t.Errorf("the file of its number has %q", got)
	}
	out, _ := asking(t, eipd(t, dir, "status", "--json"), 0)
	var s control.Status
	if err := answers(t, out)[0].Read(&s); err != nil || len(s.Files) != 1 || s.Files[0] != "flow.hcl" || s.PID != p.cmd.Process.Pid || s.Time.IsZero() || s.Version == "" {
		t.Errorf("its status is %+v: %v", s, err)
	}
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "flow.hcl", "flow {")
	signal(syscall.SIGHUP)
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1\nSTATUS=1 flow")
	until(t, "the log says it", func() bool { return strings.Contains(text("log"), "nothing was loaded anew") })
	if err := os.Rename(filepath.Join(dir, "log"), filepath.Join(dir, "log.1")); err != nil {
		t.Fatal(err)
	}
	signal(syscall.SIGUSR1)
	until(t, "the log is opened again", func() bool { _, err := os.Stat(filepath.Join(dir, "log")); return err == nil })
	p.interrupt(t)
	hears("STOPPING=1")
	if !strings.Contains(text("log"), "msg=stopped") || strings.Contains(text("log.1"), "msg=stopped") {
		t.Errorf("the log has\n%s\nand the one before\n%s", text("log"), text("log.1"))
	}
	if _, err := os.Stat(filepath.Join(dir, "pid")); !os.IsNotExist(err) {
		t.Errorf("the file of its number is left: %v", err)
	}
	if len(p.seen) > 0 {
		t.Errorf("standard error has %q", p.seen)
	}
}

// What keeps it from starting is in the log too, where that is a file.
func TestDaemon_FailsIntoItsLog(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", "flow {")
	_, stderr, code := output(t, eipd(t, dir, "run", "flow.hcl", "--log-file", "log"))
	b, err := os.ReadFile(filepath.Join(dir, "log"))
	if code != exitFailed || err != nil || !strings.Contains(string(b), "msg=failed") || !strings.Contains(stderr, "in the flow files") {
		t.Errorf("exit %d, log %q: %v\n%s", code, b, err, stderr)
	}
}
