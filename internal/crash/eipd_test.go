package crash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// eipd is the program under test.
var eipd string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// soak reports whether tests should last.
func soak() bool { return os.Getenv("EIPD_SOAK") != "" }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "eipd-crash-")
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
	return m.Run()
}

// A process is a running `eipd run`.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser

	mu   sync.Mutex
	cond *sync.Cond
	log  bytes.Buffer // what it wrote to standard error
	over bool         // it will write no more
	read chan struct{}
}

// run starts eipd in a folder, and waits until it is ready. Both its standard
// input and output are pipes.
func run(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := launch(t, dir, args...)
	p.await("ready")
	return p
}

func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(eipd, append([]string{"run"}, args...)...), read: make(chan struct{})}
	p.cond = sync.NewCond(&p.mu)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "EIPD_BROKER=")
	stderr, err1 := p.cmd.StderrPipe()
	stdin, err2 := p.cmd.StdinPipe()
	stdout, err3 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	p.stdin, p.stdout = stdin, stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.gather(stderr)
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.kill()
		}
	})
	return p
}

func (p *process) gather(stderr io.Reader) {
	defer close(p.read)
	lines := bufio.NewReader(stderr)
	for {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.log.WriteString(line)
		p.over = err != nil
		p.cond.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits for a log line with this message.
func (p *process) await(message string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !strings.Contains(p.log.String(), "msg="+message+" ") {
		if p.over {
			p.t.Fatalf("eipd ended before it logged %q:\n%s", message, p.log.String())
		}
		p.cond.Wait()
	}
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("send %v: %v", s, err)
	}
}

// kill ends the process as a power cut would end it, but for the disk's cache.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.stdin.Close()
	<-p.read
	_ = p.cmd.Wait()
}

// exit waits for the end of the process, and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	<-p.read
	err := p.cmd.Wait()
	var code *exec.ExitError
	if err != nil && !errors.As(err, &code) {
		p.t.Errorf("wait for eipd: %v", err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// until waits for a condition outside of this process, which nothing but looking
// can tell.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	// Long enough for any machine; the tests that follow need time too.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	look := time.NewTicker(500 * time.Microsecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// write makes a file in dir.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
