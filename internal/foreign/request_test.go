package foreign

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// Clients that take replies in either way are answered by a flow, by their own
// service behind a smart proxy, and by a flow that asks that service.
func TestRequests(t *testing.T) {
	rabbit.Require(t, python, pika)
	url := run(t, "requests")
	questions := []string{"tea", "coffee", "Käse"}
	services := map[string]struct{ queue, want string }{
		"a flow":                {"greet", "Hello, tea!\nHello, coffee!\nHello, Käse!\n"},
		"behind a smart proxy":  {"prices", "3 for tea\n6 for coffee\n5 for Käse\n"},
		"a flow that asks that": {"offers", "offer: tea 3 for tea\noffer: coffee 6 for coffee\noffer: Käse 5 for Käse\n"},
	}
	for name, s := range services {
		for _, way := range []string{"direct", "exclusive"} {
			t.Run(name+", "+way, func(t *testing.T) {
				if s.queue != "greet" {
					serve(t, url, "prices_service", "3")
				}
				args := append([]string{"testdata/ask.py", url, way, s.queue}, questions...)
				if got := output(t, client(t, python, args...)); got != s.want {
					t.Errorf("the replies are\n%s\nwant\n%s", got, s.want)
				}
			})
		}
	}
}

// serve runs a service of somebody else until it has answered all requests.
func serve(t *testing.T, url, queue, count string) {
	t.Helper()
	begin(t, "the service", client(t, python, "testdata/serve.py", url, queue, count))
}

// begin starts a program that says when it is ready, and ends by itself in time.
func begin(t *testing.T, what string, c *exec.Cmd) {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, stderr.String())
		}
	})
	var said bytes.Buffer
	if !copyUntil(&said, stdout, "ready") {
		t.Fatalf("%s did not begin: %s", what, stderr.String())
	}
}

// A reply to a client that is gone is no obstacle to those that come after it.
func TestRequests_ClientGone(t *testing.T) {
	rabbit.Require(t, python, pika, tools)
	url := run(t, "gone")
	for _, address := range []string{"amq.rabbitmq.reply-to.g1h2AA5yZXBseUA", "nobody.there"} {
		output(t, client(t, "amqp-publish", "-u", url, "-r", "greet", "-t", address, "-b", "ghost"))
	}
	got := output(t, client(t, python, "testdata/ask.py", url, "direct", "greet", "tea"))
	if strings.TrimSpace(got) != "Hello, tea!" {
		t.Errorf("got %q", got)
	}
}
