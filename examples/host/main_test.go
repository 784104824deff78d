package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
)

// The program is 30 lines at most, and ends when it is told to, with what it has taken
// done.
func TestRun(t *testing.T) {
	if program, err := os.ReadFile("main.go"); err != nil || strings.Count(string(program), "\n") > 30 {
		t.Errorf("the program has %d lines: %v", strings.Count(string(program), "\n"), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	o := host.Options{Stdin: strings.NewReader("some day: paint it\nurgent: water\n"), Stdout: write, Load: flow.Options{Broker: "memory:"}}
	ended := make(chan error, 1)
	go func() {
		defer write.Close()
		ended <- host.Run(ctx, o, "flows.hcl")
	}()
	if line, err := bufio.NewReader(read).ReadString('\n'); err != nil || line != "urgent: water\n" {
		t.Errorf("it says %q: %v", line, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
