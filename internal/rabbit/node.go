package rabbit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/keeper"
)

// scripts are the package's own, which do not insist on a user of their own.
const scripts = "/usr/lib/rabbitmq/bin"

// startTime is a lot: a node takes three to six seconds where nothing else runs.
const startTime = 2 * time.Minute

// A Node is a RabbitMQ node.
type Node struct {
	Port    int // of AMQP
	TLSPort int // of AMQP over TLS; 0 where it was not asked for
	STOMP   int // the port of the plugin for STOMP; 0 where it was not asked for
	dir     string
	epmd    int // the port mapper's port
	env     []string
	keeper  *keeper.Keeper
	server  *exec.Cmd // nil while it is down
}

// An Option changes a node before it starts.
type Option func(*Node) error

// Start starts a node of the test's own, which ends with the test.
func Start(t testing.TB, options ...Option) *Node {
	t.Helper()
	require(t)
	n, err := create(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	n.Restart(t)
	return n
}

// Require skips the test where one of these files is missing: what is to be
// installed for it is not. Where CI=true, the test fails.
func Require(t testing.TB, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(file); err == nil {
			continue
		}
		why := file + " is not installed; internal/testdeps/install.sh installs what tests need"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
}

func require(t testing.TB) {
	t.Helper()
	Require(t, filepath.Join(scripts, "rabbitmq-server"))
}

// create lays out a node's files, and starts what ends it with this process.
func create(options ...Option) (n *Node, err error) {
	dir, err := os.MkdirTemp("", "eipd-rabbit-")
	if err != nil {
		return nil, err
	}
	n = &Node{dir: dir}
	defer func() {
		if err != nil {
			n.close()
			err = fmt.Errorf("prepare a RabbitMQ node: %w", err)
		}
	}()
	ports, err := keeper.FreePorts(4)
	if err != nil {
		return nil, err
	}
	n.Port, n.epmd = ports[0], ports[2]
	for name, content := range map[string]string{
		"rabbitmq-env.conf": "", "advanced.config": "[].", "enabled_plugins": "[].",
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nlog.console = false\ndisk_free_limit.absolute = 50MB\n", n.Port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := option(n); err != nil {
			return nil, err
		}
	}
	n.setEnv(ports[1], ports[3])
	return n, n.keep()
}

// name is the node's among Erlang's.
func (n *Node) name() string { return fmt.Sprintf("eipd%d@localhost", n.Port) }

func (n *Node) setEnv(dist, ctl int) {
	in := func(name string) string { return filepath.Join(n.dir, name) }
	n.env = append(os.Environ(),
		"HOME="+in("home"), "RABBITMQ_BASE="+n.dir, "RABBITMQ_NODENAME="+n.name(),
		"RABBITMQ_CONF_ENV_FILE="+in("rabbitmq-env.conf"), "RABBITMQ_CONFIG_FILE="+in("rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+in("advanced.config"), "RABBITMQ_ENABLED_PLUGINS_FILE="+in("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+in("mnesia"), "RABBITMQ_LOG_BASE="+in("log"), "RABBITMQ_PID_FILE="+in("pid"), "RABBITMQ_FEATURE_FLAGS_FILE="+in("feature_flags"),
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", fmt.Sprint("RABBITMQ_NODE_PORT=", n.Port), fmt.Sprint("RABBITMQ_DIST_PORT=", dist),
		fmt.Sprint("RABBITMQ_CTL_DIST_PORT_MIN=", ctl), fmt.Sprint("RABBITMQ_CTL_DIST_PORT_MAX=", ctl),
		// No spinning schedulers: the machine belongs to what is tested.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_CTL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}", fmt.Sprint("ERL_EPMD_PORT=", n.epmd), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RUNNING_UNDER_SYSTEMD=true", // the script becomes the server, instead of watching over it
		"PATH="+scripts+":"+os.Getenv("PATH"))
}

func (n *Node) configure(line string) error {
	f, err := os.OpenFile(filepath.Join(n.dir, "rabbitmq.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// keep starts the port mapper, and what ends all the node's processes.
func (n *Node) keep() (err error) {
	n.keeper, err = keeper.Start(n.dir, `epmd -address 127.0.0.1 -port "$3" >/dev/null 2>&1 &`, strconv.Itoa(n.epmd))
	return err
}

// close ends everything and removes the folder.
func (n *Node) close() {
	if n.keeper != nil {
		n.keeper.Close(n.server)
		return
	}
	_ = os.RemoveAll(n.dir) // nothing runs
}

// Dir is the node's folder.
func (n *Node) Dir() string { return n.dir }

// URL is where the node takes connections, as its administrator.
func (n *Node) URL() string { return fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", n.Port) }

// Address is the node's host and port.
func (n *Node) Address() string { return fmt.Sprintf("127.0.0.1:%d", n.Port) }

// Dial connects to the node. The connection is closed with the test.
func (n *Node) Dial(t testing.TB) *amqp.Connection {
	t.Helper()
	conn, err := amqp.Dial(n.URL())
	if err != nil {
		t.Fatalf("connect to RabbitMQ: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test may have cut it
	return conn
}

// Channel opens an AMQP channel on a connection of its own.
func (n *Node) Channel(t testing.TB) *amqp.Channel {
	t.Helper()
	ch, err := n.Dial(t).Channel()
	if err != nil {
		t.Fatalf("open a channel: %v", err)
	}
	return ch
}

// log is the end of what the node has logged.
func (n *Node) log() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(n.dir, "log", "*"))
	for _, file := range append(files, filepath.Join(n.dir, "output")) {
		b, _ := os.ReadFile(file)
		all.Write(b[max(0, len(b)-4000):])
	}
	return all.String()
}
