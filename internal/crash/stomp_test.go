package crash

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// stompServer is what the test needs of a server.
type stompServer struct {
	address, user string
	restart       func()
}

// While eipd is killed, the server is killed, and connections between them are cut and
// swallowed, messages that go into a queue and out of it over STOMP are neither lost nor
// overtaken by later ones of their key, and little comes twice.
func TestStomp(t *testing.T) {
	for name, start := range map[string]func(*testing.T) stompServer{
		"activemq": func(t *testing.T) stompServer {
			s := activemq.Start(t)
			return stompServer{s.Address(), "admin:adminpw", func() { s.Restart(t) }}
		},
		"rabbitmq": func(t *testing.T) stompServer {
			n := rabbit.Start(t, rabbit.STOMP)
			_, address, _ := strings.Cut(n.StompURL(), "@")
			return stompServer{address, "guest:guest", func() {
				n.Sync(t)
				n.Restart(t)
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, lives := 8_000, 6
			if soak() {
				n, lives = 60_000, 30
			}
			stomped(t, start(t), n, lives)
		})
	}
}

func stomped(t *testing.T, server stompServer, n, lives int) {
	network, dir := netfault.Start(t, server.address), t.TempDir()
	write(t, dir, "flow.hcl", routeFlow)
	in, out := feed(t, dir), follow(dir, n)
	args := []string{"--broker", "stomp://" + server.user + "@" + network.Address() + "?heartbeat=1", "flow.hcl"}
	p := run(t, dir, args...)
	for life := range lives {
		in.upTo(t, n*(life+1)/lives)
		goal := n*life/lives + 1 + rand.IntN(n/lives)
		until(t, "messages come out", func() bool { return out.count(t) >= goal })
		switch life % 6 {
		case 0, 4:
			p.kill()
			p = run(t, dir, args...)
		case 1:
			network.Cut()
		case 2:
			server.restart()
		case 3:
			network.Snip()
		case 5:
			network.Hole()
			time.Sleep(rand.N(time.Second))
			network.Cut()
			network.Open()
		}
	}
	until(t, "all messages come out", func() bool { return out.count(t) >= n })
	out.check(t, lives)
	report(t, out, lives)
}
