package rabbit_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/rabbit"
)

// A node ends with the process that started it, also with one that is killed.
func TestStart_EndsWithItsProcess(t *testing.T) {
	if os.Getenv("START_A_NODE") != "" {
		n := rabbit.Start(t)
		os.Stdout.WriteString("node " + n.Address() + " " + n.Dir() + "\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	rabbit.Require(t, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStart_EndsWithItsProcess$")
	c.Env = append(os.Environ(), "START_A_NODE=1")
	out, err1 := c.StdoutPipe()
	_, err2 := c.StdinPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var address, dir string
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == "node" {
			address, dir = f[1], f[2]
		}
	}
	if dir == "" {
		t.Fatal("the process started no node")
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		_, gone := os.Stat(dir)
		if err != nil && os.IsNotExist(gone) {
			return
		}
		if err == nil {
			conn.Close()
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatal("the node is still there")
		}
	}
}
