package foreign

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// orders are what came out of an aggregator.
type orders struct {
	mu      sync.Mutex
	bodies  map[string]string // by Message ID
	ids     map[int]string    // by order
	doubled int
	wrong   []string
}

// take reads lines of a Message ID and a body each.
func (o *orders) take(from io.Reader) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		o.one(lines.Text())
	}
}

func (o *orders) one(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id, body, _ := strings.Cut(line, "\t")
	var got struct {
		Order *int
		Parts []int
	}
	switch err := json.Unmarshal([]byte(body), &got); {
	case err != nil || got.Order == nil || id == "" || !slices.Equal(got.Parts, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}):
		o.wrong = append(o.wrong, line)
	case o.ids[*got.Order] == "" && o.bodies[id] == "":
		o.ids[*got.Order], o.bodies[id] = id, body
	case o.bodies[id] == body:
		o.doubled++
	default:
		o.wrong = append(o.wrong, "again, and different: "+line)
	}
}

// count is how many came, and how many that are none.
func (o *orders) count() (came, wrong int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.ids), len(o.wrong)
}

// Orders whose parts pika sends, shuffled and some of them twice, come to bunny whole, however
// often eipd is killed on the way. What comes twice is the same, with the same Message ID.
// EIPD_SOAK=1 makes it 100 000 orders.
func TestGather_Killed(t *testing.T) {
	rabbit.Require(t, python, pika, ruby, bunny)
	all, patience := 6000, 3*time.Minute
	if os.Getenv("EIPD_SOAK") != "" {
		all, patience = 100_000, time.Hour
	}
	n := rabbit.Shared(t)
	url := n.Vhosts(t, "gather")["gather"]
	out := &orders{bodies: map[string]string{}, ids: map[int]string{}}
	sender := exec.CommandContext(t.Context(), python, "testdata/parts.py", url, strconv.Itoa(all))
	receiver := exec.CommandContext(t.Context(), ruby, "testdata/orders.rb", url)
	came, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	received := make(chan struct{})
	go func() {
		defer close(received)
		out.take(came)
	}()
	sent := make(chan string)
	go func() {
		b, err := sender.Output()
		if err != nil {
			t.Errorf("pika: %v", err)
		}
		sent <- strings.TrimSpace(string(b))
	}()

	flows, err := filepath.Abs("testdata/gather.hcl")
	if err != nil {
		t.Fatal(err)
	}
	dir, kills, began := t.TempDir(), 0, time.Now()
	run := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), eipd, "run", flows, "--broker", url)
		c.Dir = dir
		return c
	}
	for came, wrong := 0, 0; came < all && wrong == 0; kills++ {
		if time.Since(began) > patience {
			t.Fatalf("%d of %d orders came in %v", came, all, patience)
		}
		c := run()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200*time.Millisecond + rand.N(1800*time.Millisecond)) // whatever it does by then
		_ = c.Process.Kill()                                             // Wait says whether it ran
		if err := c.Wait(); c.ProcessState.Exited() {
			t.Fatalf("eipd ended by itself: %v", err)
		}
		came, wrong = out.count()
	}
	took, parts := time.Since(began), <-sent
	c := run()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); !slices.Contains(queuesOf(t, n, "gather"), "parts 0"); time.Sleep(100 * time.Millisecond) { // there is nothing to wait on
		if time.Since(began) > time.Minute {
			t.Fatal("the doubles of parts are not taken")
		}
	}
	if err := errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait()); err != nil {
		t.Errorf("eipd: %v", err)
	}
	ch := dial(t, url)
	if err := ch.Publish("", "orders", true, false, amqp.Publishing{Type: "end"}); err != nil {
		t.Fatal(err)
	}
	<-received
	if err := receiver.Wait(); err != nil {
		t.Errorf("bunny: %v", err)
	}
	if len(out.wrong) > 0 || len(out.ids) != all {
		t.Errorf("%d of %d orders came; %d are wrong, and begin with %q", len(out.ids), all, len(out.wrong), out.wrong[:min(len(out.wrong), 5)])
	}
	t.Logf("%s messages made %d orders in %v with %d kills; %d came twice", parts, all, took.Round(time.Second), kills, out.doubled)
}
