package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// The permissions of docs/deployment.md are enough for what it says, and for no
// more.
func TestDeployment_Permissions(t *testing.T) {
	n := rabbit.Shared(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`'[^']*'|\S+`)
	lines := 0
	for line := range strings.Lines(string(page)) {
		if args, ok := strings.CutPrefix(line, "rabbitmqctl "); ok {
			words := word.FindAllString(args, -1)
			for i, w := range words {
				words[i] = strings.Trim(w, "'")
			}
			n.Ctl(t, words...)
			lines++
		}
	}
	if lines != 7 {
		t.Fatalf("the page has %d lines of rabbitmqctl", lines)
	}
	url := func(user string) string {
		return fmt.Sprintf("amqp://%s:%s-password@%s/shop", user, user, n.Address())
	}
	p := runExample(t, "tap.hcl", "--broker", url("flows"), "--instance", "one")
	defer func() {
		p.interrupt(t)
		for line := range p.log {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				t.Error(line)
			}
		}
	}()

	t.Run("messages pass", func(t *testing.T) {
		dial(t, url("producer")).send("orders", amqp.Publishing{Body: []byte(`{"id": 1, "total": 5000}`)})
		n.Ctl(t, "set_permissions", "-p", "shop", "guest", ".*", ".*", ".*")
		consumer := dial(t, n.URL()+"shop")
		for queue, want := range map[string]string{"orders.out": `{"id": 1, "total": 5000}`, "orders.audit": `{"id":1,"total":5000}`} {
			if got := string(consumer.take(queue).Body); got != want {
				t.Errorf("%s got %s, want %s", queue, got, want)
			}
		}
		consumer.left("orders.dead")
	})
	t.Run("the operator commands", func(t *testing.T) {
		for _, args := range [][]string{{"status"}, {"control", "list"}, {"control", "set", "orders.audit", "enabled=false"}} {
			out, _ := asking(t, eipd(t, t.TempDir(), append(args, "--broker", url("operator"), "--json")...), 0)
			if !strings.Contains(out, `"instance":"one"`) {
				t.Errorf("%v was answered %s", args, out)
			}
		}
	})

	refused := map[string]struct {
		user string
		do   func(*amqp.Channel) error
	}{
		"flows declare another queue": {"flows", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("payments", true, false, false, false, nil)
			return err
		}},
		"flows read what they write": {"flows", func(ch *amqp.Channel) error {
			_, _, err := ch.Get("orders.out", true)
			return err
		}},
		"the operator reads a queue": {"operator", func(ch *amqp.Channel) error {
			_, _, err := ch.Get("orders.out", true)
			return err
		}},
		"the operator sends to a queue": {"operator", func(ch *amqp.Channel) error {
			return confirmed(ch, "", "orders")
		}},
		"the producer reads": {"producer", func(ch *amqp.Channel) error {
			_, _, err := ch.Get("orders", true)
			return err
		}},
		"the producer commands": {"producer", func(ch *amqp.Channel) error {
			return confirmed(ch, "eip.control", "any")
		}},
		"the producer declares": {"producer", func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("orders.more", true, false, false, false, nil)
			return err
		}},
	}
	for name, tt := range refused {
		t.Run(name, func(t *testing.T) {
			err := tt.do(dial(t, url(tt.user)).Channel)
			if e, ok := err.(*amqp.Error); !ok || e.Code != amqp.AccessRefused {
				t.Errorf("gave %v, want that access is refused", err)
			}
		})
	}
}

// confirmed publishes, and returns why the channel was closed over it.
func confirmed(ch *amqp.Channel, exchange, key string) error {
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Confirm(false); err != nil {
		return err
	}
	sent, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, amqp.Publishing{Body: []byte("{}")})
	if err != nil {
		return err
	}
	select {
	case err := <-closed:
		return err
	case <-sent.Done():
		return nil
	}
}

// The unit of docs/deployment.md is one that systemd understands, and its command one
// that eipd understands.
func TestDeployment_Unit(t *testing.T) {
	const analyze = "/usr/bin/systemd-analyze"
	page, err := os.ReadFile(filepath.Join(root, "docs", "deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fenced(string(page))
	i := slices.IndexFunc(blocks, func(b part) bool { return b.file == "eipd.service" })
	if i < 0 {
		t.Fatal("the page has no unit")
	}
	dir, unit := t.TempDir(), blocks[i].text
	packed, err := os.ReadFile(filepath.Join(root, "packaging", "eipd.service"))
	if err != nil || unit != string(packed) {
		t.Errorf("packaging has another unit: %v", err)
	}
	command := regexp.MustCompile(`(?m)^Exec(?:Start|Reload)=(/usr/bin/eipd) (.*)$`).FindAllStringSubmatch(unit, -1)
	if len(command) != 2 {
		t.Fatalf("the unit has the commands %q", command)
	}
	_, stderr, code := output(t, eipd(t, dir, strings.Fields(command[0][2])...))
	if code != exitFailed || !strings.Contains(stderr, "/etc/eipd/flows") {
		t.Errorf("without flow files it ends with %d and says:\n%s", code, stderr)
	}
	_, stderr, code = output(t, eipd(t, dir, strings.Fields(command[1][2])...))
	if code != exitTimeout || !strings.Contains(stderr, "/var/lib/eipd") {
		t.Errorf("where none runs, a reload ends with %d and says:\n%s", code, stderr)
	}
	rabbit.Require(t, analyze)
	write(t, dir, "eipd.service", strings.ReplaceAll(unit, command[0][1], "/bin/true"))
	for _, args := range [][]string{{"verify"}, {"security", "--offline=true", "--threshold=30", "--no-pager"}} {
		said, err := exec.Command(analyze, append(args, filepath.Join(dir, "eipd.service"))...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(said) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, said)
		}
	}
}

// What was read since a backup of the data directory comes again when that is restored,
// and no more than that.
func TestDeployment_Restore(t *testing.T) {
	dir, more := t.TempDir(), ""
	write(t, dir, "flow.hcl", `
adapter "file" "in" { path = "in.txt" }
adapter "stdio" "out" {}
flow "f" {
  from = adapter.in
  to   = adapter.out
}
`)
	read := func(line, want string) {
		t.Helper()
		more += line
		write(t, dir, "in.txt", more)
		if got, stderr, code := output(t, eipd(t, dir, "run", "--until-idle", "flow.hcl")); got != want || code != 0 {
			t.Errorf("exit %d, printed %q, want %q\n%s", code, got, want, stderr)
		}
	}
	data, backup := filepath.Join(dir, ".eipd"), filepath.Join(dir, "backup")
	read("one\n", "one\n")
	if err := os.Rename(data, backup); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", backup, data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read("two\n", "two\n")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, data); err != nil {
		t.Fatal(err)
	}
	read("", "two\n")
}
