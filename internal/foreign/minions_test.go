package foreign

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

// Minions take work from a client of another maker, and other work in its place while
// messages pass: none is lost, and none worked on twice. One that was killed does what
// it did when it is started again, unasked.
func TestMinions(t *testing.T) {
	rabbit.Require(t, ruby, bunny)
	url := rabbit.Shared(t).Vhosts(t, "minions")["minions"]
	flows := filepath.Dir(example(t, "minions/count.hcl"))
	dirs, all := map[string]string{}, map[string]*process{}
	run := func(name string) {
		all[name] = launch(t, dirs[name], "--idle", "--flows-dir", flows, "--broker", url, "--instance", name)
	}
	for _, name := range []string{"m1", "m2", "m3", "n1", "other"} {
		dirs[name] = t.TempDir()
		run(name)
	}
	if got := output(t, client(t, ruby, "testdata/minions.rb", url)); got != "done\n" {
		t.Fatalf("got %q", got)
	}
	for _, name := range []string{"m1", "m2", "m3"} {
		all[name].kill()
	}
	began := time.Now()
	run("m2")
	t.Logf("it works again after %v", time.Since(began))
	c, err := control.DialSocket(filepath.Join(dirs["m2"], ".eipd", control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for r, err := range c.Do(t.Context(), control.Command{Command: "status"}, control.Collect{Expect: 1, Wait: time.Minute}) {
		var st control.Status
		if err != nil || r.Read(&st) != nil || fmt.Sprint(st.Flows, st.Unapplied) != "[minion] []" {
			t.Errorf("%v, %+v", err, st)
		}
	}
	ch := dial(t, url)
	for _, body := range []string{"no", "banana"} { // it has the values of its variables, too
		if err := ch.Publish("texts", "", false, false, amqp.Publishing{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	results, err := ch.Consume("results", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-results:
		if string(d.Body) != "banana has 6" {
			t.Errorf("there came %q", d.Body)
		}
	case <-time.After(time.Minute):
		t.Error("nothing came")
	}
}
