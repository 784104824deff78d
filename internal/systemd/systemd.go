// Package systemd tells the service manager how a process does, as sd_notify(3) says.
package systemd

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Manager is the service manager that has started the process; nil where none has, or
// it does not want to be told. Its methods are safe for concurrent use.
type Manager struct {
	conn     *net.UnixConn
	watchdog time.Duration
}

// Find returns the Manager that the environment names, and takes it out of that, as what
// the process starts is not to speak for it.
func Find() (*Manager, error) {
	socket, usec, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if socket == "" {
		return nil, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"}) // @ begins an abstract one
	if err != nil {
		return nil, err
	}
	m := &Manager{conn: conn}
	if n, err := strconv.ParseInt(usec, 10, 64); err == nil && n > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(n) * time.Microsecond
	}
	return m, nil
}

// Watchdog is within which time it wants to hear of the process; 0: never.
func (m *Manager) Watchdog() time.Duration {
	if m == nil {
		return 0
	}
	return m.watchdog
}

// Ready says that the process works, or has loaded anew what it was to; status is for
// people.
func (m *Manager) Ready(status string) error { return m.tell("READY=1", "STATUS="+line(status)) }

// Reloading says that it loads something anew.
func (m *Manager) Reloading() error {
	return m.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic().Microseconds(), 10))
}

// Stopping says that it is about to end.
func (m *Manager) Stopping() error { return m.tell("STOPPING=1", "STATUS=finishes what is in flight") }

// Status tells people how it does.
func (m *Manager) Status(text string) error { return m.tell("STATUS=" + line(text)) }

// Alive says that it does.
func (m *Manager) Alive() error { return m.tell("WATCHDOG=1") }

// patience is how long a manager may take to hear: the process does not wait for it.
const patience = time.Second

func (m *Manager) tell(lines ...string) error {
	if m == nil {
		return nil
	}
	if err := m.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := m.conn.Write([]byte(strings.Join(lines, "\n")))
	return err
}

// line keeps a text from saying more than it is for.
func line(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// Close is for who has nothing more to say.
func (m *Manager) Close() error {
	if m == nil {
		return nil
	}
	return m.conn.Close()
}
