package amqp_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

func planned(t *testing.T, url string, items ...broker.Item) []broker.Finding {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	c := config(t, url)
	_, transport, err := broker.Lookup(url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found, err := transport.Plan(ctx, c, items)
	if err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, leaks)
	return found
}

// differences writes a finding as "state argument:wanted/found …".
func differences(f broker.Finding) string {
	words := []string{string(f.State)}
	for _, d := range f.Differences {
		words = append(words, d.Argument+":"+d.Wanted+"/"+d.Found)
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}

// Plan names every difference at once, and changes nothing.
func TestPlan(t *testing.T) {
	n := rabbit.Shared(t)
	there := map[string]amqp091.Table{
		"plain":   nil,
		"limited": {"x-max-length": int32(5), "x-overflow": "reject-publish", "x-message-ttl": int32(1000), "x-single-active-consumer": true},
		"quorum":  {"x-queue-type": "quorum"},
	}
	ch := n.Channel(t)
	name := func(s string) string { return "plan." + s }
	for q, args := range there {
		if _, err := ch.QueueDeclare(name(q), true, false, false, false, args); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = n.Channel(t).QueueDelete(name(q), false, false, false) })
	}
	if err := ch.ExchangeDeclare(name("direct"), "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Channel(t).ExchangeDelete(name("direct"), false, false) })
	if _, err := ch.QueueDeclare(name("locked"), true, false, true, false, nil); err != nil {
		t.Fatal(err)
	}

	tests := map[string]struct {
		edit func(*broker.Channel)
		want string
	}{
		"plain":     {nil, "fits"},
		"none":      {nil, "create"},
		"limited":   {func(c *broker.Channel) { c.MaxLength, c.TTL = 6, time.Minute }, "conflict x-max-length:6/5 x-message-ttl:60000/1000 x-single-active-consumer:none/true"},
		"quorum":    {func(c *broker.Channel) { c.AutoDelete, c.Arguments = true, map[string]any{"x-queue-type": "classic"} }, "conflict auto_delete:true/false x-queue-type:classic/quorum"},
		"passing":   {func(c *broker.Channel) { c.Exclusive = true }, "temporary"},
		"locked":    {nil, "conflict"},
		"exclusive": {func(c *broker.Channel) { c.Address, c.Exclusive, c.Durable = name("plain"), true, false }, "conflict durable:false/true exclusive:true/false"},
		"missing":   {func(c *broker.Channel) { c.Declare = false }, "missing"},
		"as it is":  {func(c *broker.Channel) { c.Address, c.Declare, c.MaxLength = name("limited"), false, 9 }, "fits"},
		"direct":    {func(c *broker.Channel) { c.Kind = broker.Topic }, "conflict type:topic/direct"},
		"topic":     {func(c *broker.Channel) { c.Kind = broker.Topic }, "create"},
	}
	before := n.Ctl(t, "list_queues", "name", "arguments", "durable")
	for test, tt := range tests {
		t.Run(test, func(t *testing.T) {
			c := broker.Channel{Address: name(test), Durable: true, Declare: true}
			if tt.edit != nil {
				tt.edit(&c)
			}
			if got := differences(planned(t, n.URL(), broker.Item{Channel: c})[0]); got != tt.want {
				t.Errorf("it finds %q, want %q", got, tt.want)
			}
		})
	}
	if after := n.Ctl(t, "list_queues", "name", "arguments", "durable"); after != before {
		t.Errorf("the queues were\n%s\nand are\n%s", before, after)
	}
}

// What a broker declares is what its plan finds, argument by argument.
func TestPlan_AgreesWithBroker(t *testing.T) {
	n := rabbit.Shared(t)
	q, topic := queue(t, "agreed"), broker.Channel{Kind: broker.Topic, Address: "plan.topic", Durable: true, Declare: true}
	q.MaxLength, q.TTL, q.DeadLetter = 10, time.Hour, "plan.dead"
	q.Arguments = map[string]any{"x-max-length-bytes": int64(5_000_000_000), "x-single-active-consumer": true, "x-queue-mode": "lazy"}
	s := broker.Subscription{Name: "reader", Durable: true, Pattern: "a.*"}
	passing := broker.Subscription{Name: "passing", Pattern: "b.*"}
	items := []broker.Item{{Channel: q}, {Channel: topic}, {Channel: topic, Subscription: &s}, {Channel: topic, Subscription: &passing}}
	states := func() (all []broker.State) {
		for _, f := range planned(t, n.URL(), items...) {
			all = append(all, f.State)
		}
		return all
	}
	if got := fmt.Sprint(states()); got != "[create create create temporary]" {
		t.Errorf("before: %s", got)
	}
	b := open(t, config(t, n.URL()))
	defer b.Close()
	for _, item := range items {
		var opened interface{ Close() error }
		var err error
		if item.Subscription != nil {
			opened, err = b.Source(t.Context(), item.Channel, *item.Subscription)
		} else {
			opened, err = b.Sender(t.Context(), item.Channel)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
	}
	if got := fmt.Sprint(states()); got != "[fits fits fits fits]" {
		t.Errorf("after: %s: %+v", got, planned(t, n.URL(), items...))
	}
}

// Who may not declare may still plan, and use what is there.
func TestPlan_WithoutPermission(t *testing.T) {
	n := rabbit.Shared(t)
	q := queue(t, "theirs")
	if _, err := n.Channel(t).QueueDeclare(q.Address, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	url := user(t, n, "planner", "^$", ".*", ".*")
	f := planned(t, url, broker.Item{Channel: q})[0]
	if f.State != broker.Fits || !strings.Contains(f.Note, "no permission") {
		t.Errorf("it finds %+v", f)
	}
}

// Dead letters that would be dropped are worth a warning.
func TestPlan_DeadLetterExchange(t *testing.T) {
	n := rabbit.Shared(t)
	q := queue(t, "dying")
	q.Arguments = map[string]any{"x-dead-letter-exchange": "plan.nowhere"}
	if f := planned(t, n.URL(), broker.Item{Channel: q})[0]; len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], `"plan.nowhere" does not exist`) {
		t.Errorf("it finds %+v", f)
	}
	dead := broker.Channel{Kind: broker.Topic, Address: "plan.nowhere", Durable: true, Declare: true}
	if f := planned(t, n.URL(), broker.Item{Channel: q}, broker.Item{Channel: dead})[0]; f.Warnings != nil {
		t.Errorf("where the flows create it: %q", f.Warnings)
	}
}

// Plan says what this user will be refused, and what the server refuses to all.
func TestPlan_Refused(t *testing.T) {
	n := rabbit.Shared(t)
	ch := n.Channel(t)
	const there, absent = "refusal.there", "refusal.absent"
	if _, err := ch.QueueDeclare(there, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = n.Channel(t).QueueDelete(there, false, false, false) })
	item := func(kind broker.Kind, address string, read, written bool) broker.Item {
		return broker.Item{Channel: broker.Channel{Kind: kind, Address: address, Durable: true, Declare: true}, Read: read, Written: written}
	}
	subscribes := func(topic string) broker.Item {
		i := item(broker.Topic, topic, true, false)
		i.Channel.Declare, i.Subscription = false, &broker.Subscription{Name: "f", Durable: true}
		return i
	}
	topic := item(broker.Topic, absent, false, true)
	all, fixed := user(t, n, "all", ".*", ".*", ".*"), user(t, n, "fixed", "^$", ".*", ".*")
	blind, mute := user(t, n, "blind", ".*", ".*", "^$"), user(t, n, "reader", ".*", "^$", ".*")
	for name, test := range map[string]struct {
		url   string
		item  broker.Item
		state broker.State
		says  string
	}{
		"may all":                  {all, item(broker.Queue, absent, true, true), broker.Create, ""},
		"may all of a topic":       {all, topic, broker.Create, ""},
		"may subscribe":            {all, subscribes("amq.topic"), broker.Refused, "amq."},
		"may not configure":        {fixed, item(broker.Queue, absent, true, true), broker.Refused, "configure"},
		"may not configure, there": {fixed, item(broker.Queue, there, true, true), broker.Fits, ""},
		"may not create a topic":   {fixed, topic, broker.Refused, "configure"},
		"may not read":             {blind, item(broker.Queue, there, true, false), broker.Refused, "read of " + there},
		"need not read":            {blind, item(broker.Queue, there, false, true), broker.Fits, ""},
		"may not write":            {mute, item(broker.Queue, there, false, true), broker.Refused, "write of amq.default"},
		"may not write to a topic": {mute, topic, broker.Refused, "write"},
		"may not bind":             {mute, subscribes("amq.fanout.x"), broker.Refused, "write"},
		"a reserved name":          {all, item(broker.Queue, "amq.mine", true, false), broker.Refused, "amq."},
		"a reserved topic":         {all, item(broker.Topic, "amq.mine", false, true), broker.Refused, "amq."},
	} {
		t.Run(name, func(t *testing.T) {
			f := planned(t, test.url, test.item)[0]
			if f.State != test.state || !strings.Contains(f.Note, test.says) {
				t.Errorf("it is %s: %s", f.State, f.Note)
			}
		})
	}
	if out := n.Ctl(t, "list_queues", "name", "messages"); strings.Contains(out, absent) || strings.Contains(out, "amq.") || !strings.Contains(out, there+"\t0") {
		t.Errorf("planning changed the queues:\n%s", out)
	}
	if out := n.Ctl(t, "list_exchanges", "name"); strings.Contains(out, absent) {
		t.Errorf("planning changed the exchanges:\n%s", out)
	}
}
