package main

import (
	"fmt"
	"os"
	"os/exec"
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

// watched is a top in a terminal.
type watched struct {
	*testing.T
	top           *exec.Cmd
	user, program *os.File
	shown         chan string
}

// watchTop starts top in a folder, in a terminal of that size.
func watchTop(t *testing.T, dir string, width, height uint16, args ...string) *watched {
	t.Helper()
	w := &watched{T: t, shown: make(chan string, 100)}
	w.user, w.program = openTerminal(t)
	w.resize(width, height)
	w.top = eipd(t, dir, append([]string{"top", "--every", "100ms"}, args...)...)
	w.top.Stdin, w.top.Stdout, w.top.Stderr = w.program, w.program, w.program
	w.top.Env = append(w.top.Env, "TERM=xterm", "NO_COLOR=1")
	w.top.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return w
}

func (w *watched) start() {
	w.Helper()
	if err := w.top.Start(); err != nil {
		w.Fatal(err)
	}
	go func() {
		defer close(w.shown)
		buf := make([]byte, 64<<10)
		for {
			n, err := w.user.Read(buf)
			if n > 0 {
				w.shown <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
}

func (w *watched) resize(width, height uint16) {
	w.Helper()
	if err := unix.IoctlSetWinsize(int(w.user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		w.Fatal(err)
	}
}

// sees waits until something is shown from now on, and returns all of that.
func (w *watched) sees(want string) string {
	w.Helper()
	var seen strings.Builder
	for late := time.After(time.Minute); !strings.Contains(seen.String(), want); {
		select {
		case text := <-w.shown:
			seen.WriteString(text)
		case <-late:
			w.Fatalf("it does not show %q; it shows\n%s", want, seen.String())
		}
	}
	return seen.String()
}

func (w *watched) press(keys string) {
	w.Helper()
	if _, err := w.user.WriteString(keys); err != nil {
		w.Fatal(err)
	}
}

// ends waits for the end.
func (w *watched) ends() {
	w.Helper()
	w.sees(ownScreen)
	if err := w.top.Wait(); err != nil {
		w.Errorf("it ended with %v", err)
	}
}

// In a terminal, top shows what happens while it happens, switches by keys, and
// leaves the terminal as it was.
func TestTop_Terminal(t *testing.T) {
	c := runControlled(t, switched, "one")
	w := watchTop(t, c.dir, 120, 30)
	before, err := unix.IoctlGetTermios(int(w.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.sees("f.loud ")
	c.ask(0, "control", "inject", "queue.in", "body=hello")
	w.sees(" 1     1        0 ")
	w.press("jjjj")
	w.sees("\x1b[7mf.loud ")
	w.press("x ")
	w.sees("set f.loud enabled=true")
	w.sees("  on ")
	holds(t, first(c.ask(0, "control", "list")), "f.loud detour Detour enabled=true (file: false)")
	w.press("g")
	w.sees("queue.in ─▶ [detour loud] ─▶ [wire tap aside (off)] ─▶ adapter.out")
	w.press("\x1b[D")
	w.resize(61, 30)
	if err := w.top.Process.Signal(syscall.SIGWINCH); err != nil { // as the kernel does for who has the terminal
		t.Fatal(err)
	}
	w.sees("/ find  o sort  space on, off  s st\x1b[J") // as much as there is room for
	w.press("\x1b[Hs")
	w.sees("stop f")
	w.sees("stopped")
	w.press("\x03")
	w.ends()
	after, err := unix.IoctlGetTermios(int(w.program.Fd()), unix.TCGETS)
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("the terminal was %+v, and is %+v (%v)", before, after, err)
	}
	c.interrupt(t)
}

// In 80 columns and 24 lines, dead letters are seen by their causes and one by one,
// without what is redacted, and one is replayed: in vain, and then not.
func TestTop_DeadLetters(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
queue "in" {}
queue "out" {}
control_bus { redact = ["body.card"] }
flow "pay" {
  from = queue.in
  retry { attempts = 1 }
  exec "charge" { command = ["sh", "./charge.sh"] }
  to = queue.out
}
`)
	write(t, dir, "charge.sh", "echo no bank >&2; exit 3")
	c := &controlled{t, start(t, eipd(t, dir, "run", "flow.hcl", "--instance", "one")), dir}
	c.ready(t)
	w := watchTop(t, dir, 80, 24)
	w.start()
	for i := range 3 {
		c.ask(0, "control", "inject", "queue.in", fmt.Sprintf(`body={"id": %d, "card": "4711-0815"}`, i))
	}
	w.sees(" running       3     3 ")
	w.press("j\r")
	w.sees("3 letters in queue.pay.dead")
	seen := w.sees("run sh: exit status 3: no bank")
	w.press("\r")
	seen += w.sees("r replay this letter")
	for _, want := range []string{"reason        failed", `"id": 0`, "attempts      1"} {
		if !strings.Contains(seen, want) {
			t.Errorf("a letter is shown without %q:\n%s", want, seen)
		}
	}
	w.press("r")
	seen += w.sees("It failed again")
	seen += w.sees("now:    pay.charge: run sh: exit status 3: no bank")
	write(t, dir, "charge.sh", "cat")
	w.press("\x1b")
	seen += w.sees("⏎ show a letter")
	w.press("r")
	seen += w.sees("It passed")
	w.press("\x7f")
	seen += w.sees("2 letters in queue.pay.dead")
	if strings.Contains(seen, "4711") {
		t.Errorf("what is redacted is shown:\n%s", seen)
	}
	w.press("q")
	w.ends()
	holds(t, first(c.ask(0, "control", "stats", "queue.out")), "queue.out 0 1 0")
	c.interrupt(t)
}
