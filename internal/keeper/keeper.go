// Package keeper ends the processes of a test's server with the test, however that ends,
// and removes their folder.
package keeper

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// A Keeper leads a process group that its members join.
type Keeper struct {
	dir   string
	shell *exec.Cmd
	leash io.Closer // the shell's standard input
}

// Start starts a keeper of what is in a folder. With the group it runs a command of the
// shell, which may be empty and reads args as $3 and so on.
func Start(dir, command string, args ...string) (*Keeper, error) {
	// When its standard input ends, as it does with this process, the shell ends the
	// group and removes the folder.
	const script = `eval "$1"
cat >/dev/null
setsid sh -c 'kill -KILL "-$1"; while kill -0 "-$1"; do sleep 0.05; done; rm -rf -- "$2"' - $$ "$2" >/dev/null 2>&1 &
wait`
	k := &Keeper{dir: dir, shell: exec.Command("sh", append([]string{"-c", script, "-", command, dir}, args...)...)}
	k.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := k.shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	k.leash = leash
	return k, k.shell.Start()
}

// Group is how a command becomes a member.
func (k *Keeper) Group() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: k.shell.Process.Pid}
}

// Close ends all members, waits for one that this process has started (nil: none), and
// removes the folder.
func (k *Keeper) Close(member *exec.Cmd) {
	_ = syscall.Kill(-k.shell.Process.Pid, syscall.SIGKILL)
	_ = k.leash.Close()
	_ = k.shell.Wait()
	if member != nil {
		_ = member.Wait()
	}
	// The members' own helpers end a moment after them, and may still write.
	for range 100 {
		if os.RemoveAll(k.dir) == nil {
			return
		}
	}
}

// FreePorts finds ports that nobody listens on, below those that a system gives to who
// connects: such a one would be taken before the node has it.
func FreePorts(count int) (ports []int, err error) {
	for tries := 0; len(ports) < count; tries++ {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.N(22_000)))
		switch {
		case err != nil && tries < 1000:
			continue
		case err != nil:
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// FreePort is FreePorts of one, for a test.
func FreePort(t testing.TB) string {
	t.Helper()
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(ports[0])
}
