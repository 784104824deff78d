package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// rememberFlow takes each message once, and delays it.
const rememberFlow = `
queue "remember_in" {}
queue "remember_once" {}
queue "remember_out" {}

flow "once" {
  from = queue.remember_in
  idempotent_receiver {}
  to = queue.remember_once
}

flow "later" {
  from = queue.remember_once
  delay { for = "30ms" }
  to = queue.remember_out
}
`

// Over RabbitMQ, killed at any moment, what was seen and what waits loses no message, and
// doubles no more than was under way, each time with the same Message ID and body.
func TestKill_StagesThatRemember(t *testing.T) {
	node := rabbit.Shared(t)
	n, kills := scale(20_000, 3_000), scale(20, 5)
	const underWay = 1000 + 256 // of the window, and of what a stage sends at once
	ch := node.Channel(t)
	for _, name := range []string{"remember_in", "remember_once", "remember_out"} {
		if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	var confirms []*amqp.DeferredConfirmation
	for _, i := range slices.Concat(rand.Perm(n), rand.Perm(n)) {
		c, err := ch.PublishWithDeferredConfirm("", "remember_in", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, MessageId: fmt.Sprint(i), Body: fmt.Appendf(nil, "body of %d", i)})
		if err != nil {
			t.Fatal(err)
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms {
		if !c.Wait() {
			t.Fatal("a message was not confirmed")
		}
	}
	out, err := ch.Consume("remember_out", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	came, wrong := map[string]int{}, []string{}
	go func() {
		for m := range out {
			mu.Lock()
			came[m.MessageId]++
			if string(m.Body) != "body of "+m.MessageId {
				wrong = append(wrong, m.MessageId)
			}
			mu.Unlock()
		}
	}()
	distinct := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(came)
	}
	dir := t.TempDir()
	write(t, dir, "flow.hcl", rememberFlow)
	for life := range kills {
		p := run(t, dir, "flow.hcl", "--broker", node.URL())
		goal := n*life/kills + rand.IntN(n/kills)
		until(t, "messages come out", func() bool { return distinct() >= goal })
		p.kill()
	}
	p := run(t, dir, "flow.hcl", "--broker", node.URL())
	until(t, "all messages come out", func() bool { return distinct() == n })
	until(t, "nothing is left", func() bool {
		for _, name := range []string{"remember_in", "remember_once"} {
			if q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil); err != nil || q.Messages > 0 {
				return false
			}
		}
		time.Sleep(100 * time.Millisecond) // the test's own look is no load
		return true
	})
	p.kill()
	mu.Lock()
	defer mu.Unlock()
	doubled := 0
	for _, times := range came {
		doubled += times - 1
	}
	t.Logf("%d messages, twice each, %d kills: %d doubled", n, kills, doubled)
	if len(wrong) > 0 || len(came) != n {
		t.Errorf("%d are not what they were, and %d came, want %d", len(wrong), len(came), n)
	}
	if doubled > kills*underWay {
		t.Errorf("%d were doubled", doubled)
	}
}
