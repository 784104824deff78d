package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/keeper"
)

const (
	timeLimit   = 2 * time.Minute // for one command; the longest takes a second where nothing else runs
	memoryLimit = 512 << 20       // resident
)

// A buffer is a bytes.Buffer that may be read while a command writes to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A script runs a case's commands in a directory.
type script struct {
	t              *testing.T
	dir            string
	env            []string
	stdin          io.Reader
	stdout, stderr buffer
	background     []*exec.Cmd
}

func newScript(t *testing.T, c *testCase) *script {
	t.Helper()
	s := &script{t: t, dir: t.TempDir(), stdin: bytes.NewReader(c.stdin)}
	c.write(t, s.dir)
	s.env = []string{
		"PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + s.dir, "TMPDIR=" + s.dir, "PORT=" + keeper.FreePort(t),
	}
	return s
}

// failedForGood is in the summary of a flow some of whose messages did.
var failedForGood = regexp.MustCompile(`msg=flow .* (dead_lettered|invalid)=[1-9]`)

func (s *script) run(c command) {
	s.t.Helper()
	if c.background {
		s.start(c)
		return
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), timeLimit)
	defer cancel()
	cmd := s.command(ctx, c.line)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, &s.stdout, &s.stderr
	s.stdin = nil
	said := len(s.stderr.String())
	err := cmd.Run()
	if strings.Contains(c.line, "--until-idle") && c.exit == 0 && failedForGood.MatchString(s.stderr.String()[said:]) {
		c.exit = 4
	}
	switch {
	case ctx.Err() != nil:
		s.t.Errorf("%s: did not end within %v", c.line, timeLimit)
	case cmd.ProcessState == nil:
		s.t.Fatalf("%s: %v", c.line, err)
	case cmd.ProcessState.ExitCode() != c.exit:
		s.t.Errorf("%s: exit %d, want %d", c.line, cmd.ProcessState.ExitCode(), c.exit)
	}
	s.checkMemory(c.line, cmd)
}

// command makes a command in a process group of its own, so that none of what it
// starts outlives the time limit.
func (s *script) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (s *script) checkMemory(line string, cmd *exec.Cmd) {
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && int64(u.Maxrss)<<10 > memoryLimit {
		s.t.Errorf("%s: used %d MiB of memory", line, u.Maxrss>>10)
	}
}

// start runs an eipd in the background and returns once it is ready.
func (s *script) start(c command) {
	s.t.Helper()
	cmd := s.command(s.t.Context(), "exec "+c.line)
	var stderr buffer
	cmd.Stderr = io.MultiWriter(&stderr, &s.stderr)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.background = append(s.background, cmd)
	if !eventually(func() bool { return strings.Contains(stderr.String(), "msg=ready ") }) {
		s.t.Fatalf("%s: was not ready within %v", c.line, timeLimit)
	}
}

// stop terminates what runs in the background, which must end with 0.
func (s *script) stop() {
	s.t.Helper()
	for _, cmd := range s.background {
		cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, cmd := range s.background {
		kill := time.AfterFunc(timeLimit, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		if err != nil {
			s.t.Errorf("%s: %v after SIGTERM", cmd.Args[2], err)
		}
	}
	s.background = nil
}

// file returns what a wanted name stands for: an output or a file.
func (s *script) file(name string) (string, error) {
	switch name {
	case "stdout":
		return s.stdout.String(), nil
	case "stderr":
		return s.stderr.String(), nil
	}
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	return string(data), err
}

// eventually polls ok: what another process does sends no signal to wait for.
func eventually(ok func() bool) bool {
	for end := time.Now().Add(timeLimit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// post is the command that scripts know under this name.
func post(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: post URL BODY [CONTENT-TYPE]")
	}
	contentType := "application/json"
	if len(args) > 2 {
		contentType = args[2]
	}
	r, err := http.Post(args[0], contentType, strings.NewReader(args[1]))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSpace(fmt.Sprintf("%d %s", r.StatusCode, body)))
	return nil
}
