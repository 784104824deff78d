package amqp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

func transport(t *testing.T) broker.Transport {
	t.Helper()
	_, transport, err := broker.Lookup("amqp://localhost")
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

type set = map[string]any

// Whatever breaks "at least once" is named.
func TestWarn(t *testing.T) {
	queue := func(edit func(*broker.Channel), arguments set) broker.Channel {
		c := broker.Channel{Address: "q", Durable: true, Declare: true, Arguments: arguments}
		if edit != nil {
			edit(&c)
		}
		return c
	}
	dead := func(c *broker.Channel) { c.DeadLetter = "dead" }
	topic := broker.Channel{Kind: broker.Topic, Address: "t", Durable: true, Declare: true}
	read, none := &broker.Subscription{Name: "f", Durable: true}, (*broker.Subscription)(nil)
	of := func(arguments set) *broker.Subscription {
		return &broker.Subscription{Name: "f", Durable: true, Arguments: arguments}
	}
	for name, test := range map[string]struct {
		channel broker.Channel
		read    *broker.Subscription
		kind    string
		warns   string // "": it does not
	}{
		"classic":                 {queue(nil, nil), read, "", ""},
		"quorum":                  {queue(nil, set{"x-queue-type": "quorum"}), read, "", "20 times"},
		"quorum by the broker":    {queue(nil, nil), read, "quorum", "20 times"},
		"quorum, passing":         {queue(func(c *broker.Channel) { c.Exclusive, c.AutoDelete = true, true }, nil), read, "quorum", "with the process"},
		"not read":                {queue(nil, set{"x-queue-type": "quorum"}), none, "", ""},
		"no limit":                {queue(nil, set{"x-queue-type": "quorum", "x-delivery-limit": int64(-1)}), read, "", ""},
		"a limit":                 {queue(nil, set{"x-queue-type": "quorum", "x-delivery-limit": int64(5)}), read, "", "x-delivery-limit"},
		"dead letters":            {queue(dead, set{"x-queue-type": "quorum"}), read, "", ""},
		"a dead-letter exchange":  {queue(nil, set{"x-queue-type": "quorum", "x-dead-letter-exchange": "dlx"}), read, "", ""},
		"full":                    {queue(nil, set{"x-max-length": int64(5)}), none, "", "oldest"},
		"full, by bytes":          {queue(nil, set{"x-max-length-bytes": int64(5)}), none, "", "oldest"},
		"full, dropping":          {queue(nil, set{"x-max-length": int64(5), "x-overflow": "drop-head"}), none, "", "oldest"},
		"full, refusing":          {queue(nil, set{"x-max-length": int64(5), "x-overflow": "reject-publish"}), none, "", ""},
		"full, by max_length":     {queue(func(c *broker.Channel) { c.MaxLength = 5 }, nil), none, "", ""},
		"full, to dead letters":   {queue(dead, set{"x-max-length": int64(5)}), none, "", ""},
		"time to live":            {queue(nil, set{"x-message-ttl": int64(5)}), none, "", "time to live"},
		"ttl":                     {queue(func(c *broker.Channel) { c.TTL = time.Second }, nil), none, "", "time to live"},
		"ttl to dead letters":     {queue(func(c *broker.Channel) { c.TTL = time.Second; dead(c) }, nil), none, "", ""},
		"expires":                 {queue(nil, set{"x-expires": int64(5)}), none, "", "x-expires"},
		"goes with its consumers": {queue(func(c *broker.Channel) { c.AutoDelete = true }, nil), read, "", "last consumer"},
		"goes with the broker":    {queue(func(c *broker.Channel) { c.Durable = false }, nil), read, "quorum", "restarts"},
		"as it is":                {queue(func(c *broker.Channel) { c.Declare = false }, set{"x-expires": int64(5)}), read, "quorum", ""},
		"subscription":            {topic, read, "", ""},
		"subscription, quorum":    {topic, read, "quorum", "subscription_arguments"},
		"subscription, full":      {topic, of(set{"x-max-length": int64(5)}), "", "oldest"},
		"subscription, expires":   {topic, of(set{"x-expires": int64(5)}), "", "x-expires"},
	} {
		w := strings.Join(transport(t).Warn(test.channel, test.read, test.kind), "; ")
		if (w != "") != (test.warns != "") || !strings.Contains(w, test.warns) {
			t.Errorf("%s: it warns %q", name, w)
		}
	}
}

// What RabbitMQ cannot do, or would lose messages by, is refused.
func TestCheck(t *testing.T) {
	queue := func(address string, arguments set) broker.Channel {
		return broker.Channel{Address: address, Durable: true, Declare: true, Arguments: arguments}
	}
	topic := func(kind string) broker.Channel {
		return broker.Channel{Kind: broker.Topic, Address: "t", Type: kind, Durable: true, Declare: true}
	}
	there := topic("topic")
	there.Address, there.Declare = "amq.topic", false
	super := topic("direct")
	super.Arguments = set{"x-super-stream": true}
	stream := set{"x-queue-type": "stream"}
	read := &broker.Subscription{Name: "f", Durable: true}
	for name, test := range map[string]struct {
		channel broker.Channel
		read    *broker.Subscription
		option  string // "": it is well
	}{
		"queue":                     {queue("q", nil), read, ""},
		"long name":                 {queue(strings.Repeat("q", 256), nil), nil, "address"},
		"reserved":                  {queue("amq.q", nil), nil, "address"},
		"stream, sent to":           {queue("q", stream), nil, ""},
		"stream, read":              {queue("q", stream), read, "arguments"},
		"super stream":              {super, &broker.Subscription{Name: "f", Key: "0"}, "arguments"},
		"stream as subscription":    {topic(""), &broker.Subscription{Name: "f", Arguments: stream}, "subscription_arguments"},
		"topic":                     {topic(""), read, ""},
		"pattern":                   {topic("topic"), &broker.Subscription{Name: "f", Pattern: "a.#"}, ""},
		"reserved subscription":     {there, read, "subscription_address"},
		"named subscription":        {there, &broker.Subscription{Name: "f", Address: "mine"}, ""},
		"long subscription":         {topic(""), &broker.Subscription{Name: strings.Repeat("f", 254)}, "subscription_address"},
		"fanout":                    {topic("fanout"), read, ""},
		"fanout with a pattern":     {topic("fanout"), &broker.Subscription{Name: "f", Pattern: "#"}, "pattern"},
		"fanout with a key":         {topic("fanout"), &broker.Subscription{Name: "f", Key: "k"}, "binding_key"},
		"direct":                    {topic("direct"), &broker.Subscription{Name: "f", Key: "k"}, ""},
		"direct without a key":      {topic("direct"), read, "binding_key"},
		"topic with a key":          {topic(""), &broker.Subscription{Name: "f", Key: "k"}, "binding_key"},
		"headers":                   {topic("headers"), &broker.Subscription{Name: "f", Match: set{"a": int64(1), "x-match": "any"}}, ""},
		"headers without any":       {topic("headers"), &broker.Subscription{Name: "f", Match: set{}}, "match"},
		"headers, matched by some":  {topic("headers"), &broker.Subscription{Name: "f", Match: set{"a": "b", "x-match": "some"}}, "match"},
		"headers, matched by a sum": {topic("headers"), &broker.Subscription{Name: "f", Match: set{"a": "b", "x-match": int64(1)}}, "match"},
		"topic with a match":        {topic(""), &broker.Subscription{Name: "f", Match: set{"a": "b"}}, "match"},
	} {
		err := transport(t).Check(test.channel, test.read)
		var o *eip.OptionError
		if errors.As(err, &o); (err != nil) != (test.option != "") || o != nil && o.Option != test.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}
