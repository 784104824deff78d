package rabbit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ctl does what rabbitmqctl does, and returns its output. What tests do most the node
// is asked directly: to start rabbitmqctl takes longer than many a test.
func (n *Node) Ctl(t testing.TB, args ...string) string {
	t.Helper()
	if call := direct(args); call != "" {
		return n.Eval(t, call)
	}
	cmd := exec.Command(filepath.Join(scripts, "rabbitmqctl"), append([]string{"-q"}, args...)...)
	cmd.Env, cmd.Dir = n.env, n.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rabbitmqctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// direct is the call that a command of rabbitmqctl makes; "" of those not known here.
func direct(args []string) string {
	text := func(s string) string { return fmt.Sprintf("<<%q/utf8>>", s) }
	command, args := args[0], args[1:]
	vhost := "/"
	if len(args) > 2 && args[0] == "-p" {
		vhost, args = args[1], args[2:]
	}
	switch {
	case command == "eval" && len(args) == 1:
		return strings.TrimSuffix(args[0], ".")
	case command == "add_user" && len(args) == 2:
		return fmt.Sprintf("rabbit_auth_backend_internal:add_user(%s, %s, <<>>)", text(args[0]), text(args[1]))
	case command == "delete_user" && len(args) == 1:
		return fmt.Sprintf("rabbit_auth_backend_internal:delete_user(%s, <<>>)", text(args[0]))
	case command == "add_vhost" && len(args) == 1:
		return fmt.Sprintf("rabbit_vhost:add(%s, <<>>)", text(args[0]))
	case command == "clear_permissions" && len(args) == 1:
		return fmt.Sprintf("rabbit_auth_backend_internal:clear_permissions(%s, %s, <<>>)", text(args[0]), text(vhost))
	case command == "close_all_user_connections" && len(args) == 2:
		return fmt.Sprintf("rabbit_networking:close_all_user_connections(%s, %s)", text(args[0]), text(args[1]))
	case command == "set_permissions" && len(args) == 4:
		return fmt.Sprintf("rabbit_auth_backend_internal:set_permissions(%s, %s, %s, %s, %s, <<>>)", text(args[0]), text(vhost), text(args[1]), text(args[2]), text(args[3]))
	}
	return ""
}

// calling is held by who asks a node: two at once get in each other's way.
var calling sync.Mutex

// call asks the node. A machine that is busy may not let it connect at once.
func (n *Node) call(cookie, expression string) (out []byte, err error) {
	calling.Lock()
	defer calling.Unlock()
	for deadline := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) { // there is nothing else to wait on
		cmd := exec.Command("erl_call", "-sname", n.name(), "-c", cookie, "-e")
		cmd.Env, cmd.Dir, cmd.Stdin = n.env, n.dir, strings.NewReader(expression+".\n")
		out, err = cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("failed to connect")) || time.Now().After(deadline) {
			return out, err
		}
	}
}

// Eval has the node evaluate an Erlang expression, and returns its value.
func (n *Node) Eval(t testing.TB, expression string) string {
	t.Helper()
	cookie, err := os.ReadFile(n.File("home/.erlang.cookie"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.call(string(bytes.TrimSpace(cookie)), expression)
	value, ok := strings.CutPrefix(string(out), "{ok, ")
	if err != nil || !ok || strings.HasPrefix(value, "{error") {
		t.Fatalf("evaluate %s: %v\n%s", expression, err, out)
	}
	return strings.TrimSuffix(value, "}")
}
