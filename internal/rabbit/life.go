package rabbit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var shared struct {
	sync.Mutex
	node *Node
}

// Shared is a node that all tests of the binary use, one after the other. It is
// up; it ends with the binary.
func Shared(t testing.TB) *Node {
	t.Helper()
	require(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.node == nil {
		n, err := create(TLS, STOMP)
		if err != nil {
			t.Fatal(err)
		}
		shared.node = n
	}
	if shared.node.server == nil {
		shared.node.Restart(t)
	}
	return shared.node
}

// Close ends the shared node, where there is one. Without it, the node ends a
// moment after the binary.
func Close() {
	shared.Lock()
	defer shared.Unlock()
	if shared.node != nil {
		shared.node.close()
		shared.node = nil
	}
}

// Restart starts the node, having killed it where it is up, and waits until it
// takes connections.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	n.Launch(t)
	n.Await(t)
}

// Launch is Restart without waiting.
func (n *Node) Launch(t testing.TB) {
	t.Helper()
	n.Kill()
	output, err := os.OpenFile(filepath.Join(n.dir, "output"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command(filepath.Join(scripts, "rabbitmq-server"))
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = n.env, n.dir, output, output
	cmd.SysProcAttr = n.keeper.Group()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start RabbitMQ: %v", err)
	}
	n.server = cmd
}

// Await waits until the node takes connections.
func (n *Node) Await(t testing.TB) {
	t.Helper()
	if err := connects(n.URL()); err != nil {
		t.Fatalf("RabbitMQ did not start: %v\n%s", err, n.log())
	}
}

// connects waits until a connection to a URL can be made.
func connects(url string) (err error) {
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		var conn *amqp.Connection
		if conn, err = amqp.Dial(url); err == nil {
			_ = conn.Close()
			return nil
		}
		time.Sleep(20 * time.Millisecond) // there is nothing else to wait on
	}
	return err
}

// Kill ends the node as a crash would, and waits until it is gone.
func (n *Node) Kill() { n.end(syscall.SIGKILL) }

// Stop lets the node shut down in good order.
func (n *Node) Stop() { n.end(syscall.SIGTERM) }

func (n *Node) end(s syscall.Signal) {
	if n.server == nil {
		return
	}
	_ = n.server.Process.Signal(s) // it may have ended by itself
	_ = n.server.Wait()
	n.server = nil
}

// Freeze stops the node's process, as a machine that hangs would; connections to
// it stay open. It goes on by Thaw.
func (n *Node) Freeze(t testing.TB) { n.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen node go on.
func (n *Node) Thaw(t testing.TB) { n.signal(t, syscall.SIGCONT) }

func (n *Node) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := n.server.Process.Signal(s); err != nil {
		t.Fatalf("send %v to RabbitMQ: %v", s, err)
	}
}

// Sync has the node write down which queues were declared and deleted. One that is
// killed shortly after has forgotten it otherwise.
func (n *Node) Sync(t testing.TB) {
	t.Helper()
	n.Eval(t, "mnesia:sync_log()")
}

// Set changes a setting of the node for the connections and channels that are opened
// from now on, until the test ends.
func (n *Node) Set(t testing.TB, name string, value int) {
	t.Helper()
	before := n.Eval(t, fmt.Sprintf("application:get_env(rabbit, %s)", name)) // {ok, VALUE}
	set := func(value string) {
		n.Eval(t, fmt.Sprintf("application:set_env(rabbit, %s, %s)", name, value))
	}
	t.Cleanup(func() { set(fmt.Sprintf("element(2, %s)", before)) })
	set(fmt.Sprint(value))
}

// Memory sets the part of the machine's memory that the node may use. At 0 it
// raises its alarm, and takes no messages.
func (n *Node) Memory(t testing.TB, part float64) {
	t.Helper()
	n.Eval(t, fmt.Sprintf("vm_memory_monitor:set_vm_memory_high_watermark(%g)", part))
}
