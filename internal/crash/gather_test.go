package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// gatherFlow makes orders of their parts.
const gatherFlow = `
queue "parts" {}
queue "orders" {}

flow "gather" {
  from = queue.parts
  aggregator {
    key      = "body.order"
    part     = "body.part"
    complete = "group.count == 10"
    timeout  = "never"
    body     = "{order: group.first.body.order, parts: sort(map(group.messages, #.body.part))}"
  }
  to = queue.orders
}
`

const ofAnOrder = 10

// partsOf are the parts of so many orders, shuffled within some distance and every fifth
// twice.
func partsOf(orders int) (all []string) {
	for n := range orders * ofAnOrder {
		part := fmt.Sprintf(`{"order":%d,"part":%d}`, n/ofAnOrder, n%ofAnOrder)
		if all = append(all, part); n%5 == 0 {
			all = append(all, part)
		}
	}
	const near = 200
	for i := range all {
		j := min(i+rand.IntN(near), len(all)-1)
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// gathered is what a body says of an order; false where that is not all of its parts.
func gathered(body []byte) (order int, ok bool) {
	var o struct {
		Order int
		Parts []int
	}
	if json.Unmarshal(body, &o) != nil {
		return 0, false
	}
	return o.Order, slices.Equal(o.Parts, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
}

// gatherScale is how many orders there are, and how often eipd is killed.
func gatherScale() (orders, kills int) {
	if soak() {
		return 100_000, 300
	}
	return scale(3_000, 600), scale(15, 4)
}

// killed runs eipd again and again, each time for a moment, at most so long.
func killed(t *testing.T, dir string, kills int, most time.Duration) {
	for range kills {
		p := run(t, dir, "flow.hcl")
		time.Sleep(most/10 + rand.N(most*9/10)) // whatever it does by then
		p.kill()
	}
}

// From queue to queue in one file, every order comes once, with all of its parts.
func TestGather_QueueToQueue(t *testing.T) {
	t.Parallel()
	orders, kills := gatherScale()
	dir := t.TempDir()
	write(t, dir, "flow.hcl", gatherFlow+`
adapter "file" "in" { path = "in.jsonl" }
flow "take" {
  from = adapter.in
  to   = queue.parts
}
`)
	write(t, dir, "in.jsonl", strings.Join(partsOf(orders), "\n")+"\n")
	killed(t, dir, kills, 200*time.Millisecond)
	p := launch(t, dir, "--until-idle", "flow.hcl")
	if code := p.exit(); code != 0 {
		t.Fatalf("it ended with %d:\n%s", code, p.logged())
	}
	write(t, dir, "read.hcl", `
adapter "stdio" "out" {}
queue "orders" {}
flow "read" {
  from = queue.orders
  to   = adapter.out
}
`)
	p = launch(t, dir, "--until-idle", "read.hcl")
	came := map[int]int{}
	for lines := bufio.NewScanner(p.stdout); lines.Scan(); {
		n, ok := gathered(lines.Bytes())
		if came[n]++; !ok {
			t.Errorf("an order is %s", lines.Text())
		}
	}
	p.exit()
	for n, times := range came {
		if times > 1 {
			t.Errorf("order %d came %d times", n, times)
		}
	}
	if len(came) != orders {
		t.Errorf("%d orders came, want %d", len(came), orders)
	}
}

// Over RabbitMQ every order comes, with all of its parts; what comes twice has the same
// Message ID and the same bytes, and is what was under way.
func TestGather_Rabbit(t *testing.T) {
	orders, kills := gatherScale()
	node := rabbit.Start(t)
	ch := node.Channel(t)
	for _, q := range []string{"parts", "orders"} {
		if _, err := ch.QueueDeclare(q, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		defer ch.QueueDelete(q, false, false, false)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	var last *amqp.DeferredConfirmation
	for _, part := range partsOf(orders) {
		c, err := ch.PublishWithDeferredConfirm("", "parts", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "application/json", Body: []byte(part)})
		if err != nil {
			t.Fatal(err)
		}
		last = c
	}
	last.Wait()
	dir := t.TempDir()
	write(t, dir, "flow.hcl", fmt.Sprintf("broker \"rabbit\" {\n  url     = %q\n  default = true\n}\n", node.URL())+gatherFlow)
	killed(t, dir, kills, 200*time.Millisecond)
	p := run(t, dir, "flow.hcl")
	came, bodies, ids := map[int]int{}, map[string]string{}, map[string]bool{}
	until(t, "all orders come", func() bool {
		for {
			d, there, err := ch.Get("orders", true)
			if err != nil {
				t.Fatal(err)
			}
			if !there {
				return len(came) >= orders
			}
			n, ok := gathered(d.Body)
			if was, twice := bodies[d.MessageId]; !ok || twice && was != string(d.Body) {
				t.Errorf("%s is %s, and was %s", d.MessageId, d.Body, was)
			}
			if came[n]++; came[n] > 1 && !ids[d.MessageId] {
				t.Errorf("order %d came twice, with different identifiers", n)
			}
			bodies[d.MessageId], ids[d.MessageId] = string(d.Body), true
		}
	})
	p.kill()
	doubled := 0
	for _, times := range came {
		doubled += times - 1
	}
	if len(came) != orders || doubled > 256*kills {
		t.Errorf("%d orders came, want %d; %d came again in %d kills", len(came), orders, doubled, kills)
	}
	t.Logf("%d of %d orders came again, in %d kills", doubled, orders, kills)
}
