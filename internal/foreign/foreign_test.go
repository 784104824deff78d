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

	amqp "github.com/rabbitmq/amqp091-go"

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

// dial opens a channel of the broker until the test ends.
func dial(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// process is a running eipd, in a folder.
type process struct {
	*exec.Cmd
	t     *testing.T
	log   bytes.Buffer  // read when it has ended
	err   error         // what it ended with
	ended chan struct{} // closed when it has
	over  bool          // the test has ended it
}

// start runs the flows of a file until the test ends, and then has it end well.
func start(t *testing.T, url, file string, args ...string) *process {
	t.Helper()
	flows, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, t.TempDir(), append([]string{flows, "--broker", url}, args...)...)
	t.Cleanup(func() { p.stop() })
	return p
}

// launch runs flows until the test ends, or it is ended.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(eipd, append([]string{"run"}, args...)...), t: t, ended: make(chan struct{})}
	p.Dir = dir
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		defer close(p.ended)
		ready <- copyUntil(&p.log, stderr, "msg=ready")
		_, _ = io.Copy(&p.log, stderr) // it ends with the process
		p.err = p.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("eipd's log:\n%s", p.log.String())
		}
	})
	if !<-ready {
		t.Fatal("eipd did not become ready")
	}
	return p
}

// stop ends it well, and returns its log.
func (p *process) stop() string {
	if !p.over {
		p.over = true
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Error(err)
		}
		<-p.ended
		if p.err != nil {
			p.t.Errorf("eipd ended: %v", p.err)
		}
	}
	return p.log.String()
}

// kill ends it at once.
func (p *process) kill() {
	p.over = true
	_ = p.Process.Kill() // it may have ended
	<-p.ended
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
