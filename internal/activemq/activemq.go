// Package activemq starts ActiveMQ for tests, as Debian has it: private instances in
// temporary folders, on free ports.
package activemq

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/keeper"
	"github.com/eipd/eipd/internal/rabbit"
)

const (
	home      = "/usr/share/activemq"
	startTime = 2 * time.Minute
	// MaxFrame is the largest frame that a server takes.
	MaxFrame = 32 << 20
)

// A Server is an ActiveMQ. Its users are admin (adminpw), who may do everything, foo
// (bar), who may use what begins with "myapp.", and nobody (nope).
type Server struct {
	Port   int // of STOMP
	dir    string
	keeper *keeper.Keeper
	java   *exec.Cmd // nil while it is down
}

// Start starts a server of the test's own, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	rabbit.Require(t, filepath.Join(home, "bin", "activemq.jar"), "/usr/bin/java")
	s, err := create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	s.Restart(t)
	return s
}

var shared struct {
	sync.Mutex
	server *Server
}

// Shared is a server that all tests of the binary use, one after the other. It is up; it
// ends with the binary.
func Shared(t testing.TB) *Server {
	t.Helper()
	rabbit.Require(t, filepath.Join(home, "bin", "activemq.jar"), "/usr/bin/java")
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := create()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	if shared.server.java == nil {
		shared.server.Restart(t)
	}
	return shared.server
}

// Close ends the shared server, where there is one.
func Close() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.close()
		shared.server = nil
	}
}

func create() (*Server, error) {
	dir, err := os.MkdirTemp("", "eipd-activemq-")
	if err != nil {
		return nil, err
	}
	ports, err := keeper.FreePorts(1)
	if err != nil {
		return nil, err
	}
	s := &Server{Port: ports[0], dir: dir}
	for _, sub := range []string{"conf", "data", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	xml := strings.NewReplacer("@DIR@", dir, "@PORT@", fmt.Sprint(s.Port), "@FRAME@", fmt.Sprint(MaxFrame)).Replace(config)
	if err := os.WriteFile(filepath.Join(dir, "conf", "activemq.xml"), []byte(xml), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "conf", "log4j.properties"), []byte(logging), 0o600); err != nil {
		return nil, err
	}
	s.keeper, err = keeper.Start(dir, "")
	return s, err
}

func (s *Server) close() { s.keeper.Close(s.java) }

// Address is the server's host and port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// URL is where the server takes connections, as its administrator.
func (s *Server) URL() string { return "stomp://admin:adminpw@" + s.Address() }

// Restart starts the server, having killed it where it is up, and waits until it takes
// connections.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Launch(t)
	var err error
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		var conn net.Conn
		if conn, err = net.Dial("tcp", s.Address()); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond) // there is nothing else to wait on
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "output"))
	t.Fatalf("ActiveMQ did not start: %v\n%s", err, log[max(0, len(log)-4000):])
}

// Launch is Restart without waiting.
func (s *Server) Launch(t testing.TB) {
	t.Helper()
	s.Kill()
	output, err := os.OpenFile(filepath.Join(s.dir, "output"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	conf := filepath.Join(s.dir, "conf")
	cmd := exec.Command("java", "-Xms64M", "-Xmx384M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Djava.io.tmpdir="+filepath.Join(s.dir, "tmp"), "-Duser.home="+s.dir, "-Dlog4j.configuration=file:"+filepath.Join(conf, "log4j.properties"),
		"-Dactivemq.home="+home, "-Dactivemq.base="+s.dir, "-Dactivemq.conf="+conf, "-Dactivemq.data="+filepath.Join(s.dir, "data"),
		"-Dactivemq.classpath="+conf, "-jar", filepath.Join(home, "bin", "activemq.jar"), "start", "xbean:file:"+filepath.Join(conf, "activemq.xml"))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = s.dir, output, output, s.keeper.Group()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start ActiveMQ: %v", err)
	}
	s.java = cmd
}

// Kill ends the server as a crash would, and waits until it is gone.
func (s *Server) Kill() {
	if s.java == nil {
		return
	}
	_ = s.java.Process.Kill() // it may have ended by itself
	_ = s.java.Wait()
	s.java = nil
}

// Freeze stops the server's process, as a machine that hangs would. It goes on by Thaw.
func (s *Server) Freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.java.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to ActiveMQ: %v", sig, err)
	}
}
