package host

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal that is closed is told from one that is there, and from what is none.
func TestTerminals(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed := terminals(int(null.Fd()), int(terminal.Fd()))
	if closed() {
		t.Error("it is closed already")
	}
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	if !closed() {
		t.Error("it is not closed")
	}
}
