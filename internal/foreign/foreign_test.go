package foreign

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

// What Debian's packages hold.
const (
	python = "/usr/bin/python3"
	pika   = "/var/lib/dpkg/info/python3-pika.list"
	ruby   = "/usr/bin/ruby"
	bunny  = "/var/lib/dpkg/info/ruby-bunny.list"
	tools  = "/usr/bin/amqp-publish"
)

// eipd is the program under test.
var eipd string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "eipd-foreign-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	eipd = filepath.Join(dir, "eipd")
	if out, err := exec.Command("go", "build", "-o", eipd, "../../cmd/eipd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build eipd: %v\n%s", err, out)
		return 1
	}
	defer rabbit.Close()
	defer activemq.Close()
	return m.Run()
}

// run runs the flows in a vhost of this name until the test ends, and returns its
// URL.
func run(t *testing.T, vhost string) string {
	t.Helper()
	url := rabbit.Shared(t).Vhosts(t, vhost)[vhost]
	start(t, url, "testdata/flow.hcl")
	return url
}

// start runs the flows of a file until the test ends.
func start(t *testing.T, url, file string, args ...string) {
	t.Helper()
	flows, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(eipd, append([]string{"run", flows, "--broker", url}, args...)...)
	c.Dir = t.TempDir()
	var log bytes.Buffer
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(ended)
		ready <- copyUntil(&log, stderr, "msg=ready")
		_, _ = io.Copy(&log, stderr) // it ends with the process
	}()
	t.Cleanup(func() {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-ended
		if err := c.Wait(); err != nil || t.Failed() {
			t.Errorf("eipd ended (%v); its log:\n%s", err, log.String())
		}
	})
	if !<-ready {
		t.Fatal("eipd did not become ready")
	}
}

// copyUntil copies until it has copied these words.
func copyUntil(to *bytes.Buffer, from io.Reader, words string) bool {
	b := make([]byte, 4096)
	for !strings.Contains(to.String(), words) {
		n, err := from.Read(b)
		to.Write(b[:n])
		if err != nil {
			return false
		}
	}
	return true
}

// client is a client of the broker, which is killed when it takes minutes. It may
// outlive the test's body: cleaning up waits for it.
func client(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// output runs a client, and returns what it prints.
func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(c.Args, " "), err, out, stderr.String())
	}
	return string(out)
}
