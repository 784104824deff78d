package main

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a terminal: whoever sits before it, and the
// program in it.
func openTerminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = user.Close() }) // nobody types any more
	fd := int(user.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() }) // the program has ended
	return user, program
}

// In a terminal, top shows what happens while it happens, switches by keys, and
// leaves the terminal as it was.
func TestTop_Terminal(t *testing.T) {
	c := runControlled(t, switched, "one")
	user, program := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	resize := func(width, height uint16) {
		t.Helper()
		if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
			t.Fatal(err)
		}
	}
	resize(120, 30)
	top := eipd(t, c.dir, "top", "--every", "100ms")
	top.Stdin, top.Stdout, top.Stderr = program, program, program
	top.Env = append(top.Env, "TERM=xterm", "NO_COLOR=1")
	top.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := top.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 100)
	go func() {
		defer close(shown)
		buf := make([]byte, 64<<10)
		for {
			n, err := user.Read(buf)
			if n > 0 {
				shown <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	var seen bytes.Buffer
	sees := func(want string) {
		t.Helper()
		seen.Reset()
		for late := time.After(time.Minute); !strings.Contains(seen.String(), want); {
			select {
			case text := <-shown:
				seen.WriteString(text)
			case <-late:
				t.Fatalf("it does not show %q; it shows\n%s", want, seen.String())
			}
		}
	}
	press := func(keys string) {
		t.Helper()
		if _, err := user.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	sees("f.loud ")
	c.ask(0, "control", "inject", "queue.in", "body=hello")
	sees(" 1     1        0 ")
	press("jjjj")
	sees("\x1b[7mf.loud ")
	press("x ")
	sees("set f.loud enabled=true")
	sees("  on ")
	holds(t, first(c.ask(0, "control", "list")), "f.loud detour Detour enabled=true (file: false)")
	resize(61, 30)
	if err := top.Process.Signal(syscall.SIGWINCH); err != nil { // as the kernel does for who has the terminal
		t.Fatal(err)
	}
	sees("/ find  o sort  space on, off  s st\x1b[J") // as much as there is room for
	press("\x1b[Hs")
	sees("stop f")
	sees("stopped")
	press("\x03")
	sees(ownScreen)
	if err := top.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("the terminal was %+v, and is %+v (%v)", before, after, err)
	}
	c.interrupt(t)
}
