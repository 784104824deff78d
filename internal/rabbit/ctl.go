package rabbit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

// Eval has the node evaluate an Erlang expression, and returns its value.
func (n *Node) Eval(t testing.TB, expression string) string {
	t.Helper()
	cookie, err := os.ReadFile(n.File("home/.erlang.cookie"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("erl_call", "-sname", n.name(), "-c", string(bytes.TrimSpace(cookie)), "-e")
	cmd.Env, cmd.Dir, cmd.Stdin = n.env, n.dir, strings.NewReader(expression+".\n")
	out, err := cmd.CombinedOutput()
	value, ok := strings.CutPrefix(string(out), "{ok, ")
	if err != nil || !ok || strings.HasPrefix(value, "{error") {
		t.Fatalf("evaluate %s: %v\n%s", expression, err, out)
	}
	return strings.TrimSuffix(value, "}")
}
