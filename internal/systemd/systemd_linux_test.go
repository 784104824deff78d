package systemd

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Whatever socket the environment names hears what is told, and children do not know it.
func TestFind(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@eipd-test-" + strconv.Itoa(os.Getpid())} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		t.Setenv("NOTIFY_SOCKET", name)
		t.Setenv("WATCHDOG_USEC", "2500000")
		t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
		m, err := Find()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if os.Getenv("NOTIFY_SOCKET")+os.Getenv("WATCHDOG_USEC")+os.Getenv("WATCHDOG_PID") != "" {
			t.Error("it is in the environment of children")
		}
		if m.Watchdog() != 2500*time.Millisecond {
			t.Errorf("the watchdog wants %v", m.Watchdog())
		}
		for _, said := range []struct {
			tell func() error
			want string
		}{
			{func() error { return m.Ready("2 flows\nREADY=0") }, `READY=1\nSTATUS=2 flows READY=0`},
			{m.Reloading, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*`},
			{func() error { return m.Status("x") }, `STATUS=x`},
			{m.Alive, `WATCHDOG=1`},
			{m.Stopping, `STOPPING=1\nSTATUS=.+`},
		} {
			if err := said.tell(); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 1000)
			n, err := l.Read(b)
			if err != nil || !regexp.MustCompile("^"+said.want+"$").Match(b[:n]) {
				t.Errorf("it hears %q, want %s: %v", b[:n], said.want, err)
			}
		}
	}
}

// Without one, nothing is told, and the watchdog of another process is none.
func TestFind_None(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m, err := Find()
	if m != nil || err != nil || m.Ready("") != nil || m.Watchdog() != 0 || m.Close() != nil {
		t.Errorf("it finds %v: %v", m, err)
	}
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "1")
	if m, err = Find(); err != nil || m.Watchdog() != 0 {
		t.Errorf("the watchdog of another process wants %v: %v", m.Watchdog(), err)
	}
	_ = m.Close()
}
