package foreign

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

// Where the broker refuses the control bus, the flows run, the socket serves, and
// status says so.
func TestControlBus_Refused(t *testing.T) {
	n := rabbit.Shared(t)
	mine := n.Vhosts(t, "refused")["refused"]
	n.Ctl(t, "add_user", "clerk", "clerk")
	t.Cleanup(func() { n.Ctl(t, "delete_user", "clerk") })
	const own = "^(orders|checked|gifts|rest|bad).*"
	n.Ctl(t, "set_permissions", "-p", "refused", "clerk", own, own+"|amq.default", own)
	u, err := url.Parse(mine)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("clerk", "clerk")
	socket := filepath.Join(t.TempDir(), "s")
	start(t, u.String(), "testdata/control.hcl", "--socket", socket)
	c, err := control.DialSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ch := dial(t, mine)
	if err := ch.Publish("", "orders", false, false, amqp.Publishing{Body: []byte(`{"total": 1}`)}); err != nil {
		t.Fatal(err)
	}
	rest, err := ch.Consume("rest", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-rest:
	case <-time.After(time.Minute):
		t.Error("the flow does not run")
	}
	for r, err := range c.Do(t.Context(), control.Command{Command: "status"}, control.Collect{}) {
		var st control.Status
		if err != nil || r.Read(&st) != nil {
			t.Fatalf("%v, %+v", err, r)
		}
		topic := slices.IndexFunc(st.Control, func(l control.Listening) bool { return l.On == "topic" })
		if topic < 0 {
			t.Fatalf("there is no topic in %+v", st.Control)
		}
		if state := st.Control[topic].State; !strings.Contains(state, "refused") || !strings.Contains(state, "eip.control") {
			t.Errorf("the topic is %q", state)
		}
	}
}
