package stomp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

// What a selector can see of a message.
func TestSelect_Sees(t *testing.T) {
	b := openWith(t, config(t, activemq.Shared(t).URL()))
	for name, selector := range map[string]string{
		"a header":         "region = 'eu'",
		"a type":           "JMSType = 'mine'",
		"a correlation id": "JMSCorrelationID LIKE 'min%'",
		"a number":         "total > 100",
	} {
		t.Run(name, func(t *testing.T) {
			q := queue(t, "q")
			to, err := b.Sender(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			other := eip.Headers{"region": "us", "total": 9}
			mine := eip.Headers{"region": "eu", "total": 200}
			settled := make(chan error, 2)
			for i, body := range []string{"other", "mine"} {
				eip.Deliver(t.Context(), to, eip.New([]byte(body), func(err error) { settled <- err }).With(func(m *eip.Message) {
					m.Headers, m.Type, m.CorrelationID = []eip.Headers{other, mine}[i], body, body
				}))
			}
			allWell(t, settled)
			from, err := b.Source(t.Context(), q, broker.Subscription{Select: selector})
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			m, err := from.Receive(ctx)
			if err != nil || string(m.Body()) != "mine" {
				t.Fatalf("it selected %v, %v", m, err)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
		})
	}
}

// A selector that is none, or that a server has no use for, hinders the flow that has it.
func TestSelect_Refused(t *testing.T) {
	for name, tt := range map[string]struct{ url, selector, says string }{
		"none at all": {activemq.Shared(t).URL(), "region = = 'eu'", "region = = 'eu'"},
		"RabbitMQ":    {rabbit.Shared(t).StompURL(), "region = 'eu'", "no selectors"},
	} {
		t.Run(name, func(t *testing.T) {
			b := openWith(t, config(t, tt.url))
			_, err := b.Source(t.Context(), queue(t, "q"), broker.Subscription{Select: tt.selector})
			if !refused(err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("it gave %v", err)
			}
		})
	}
}
