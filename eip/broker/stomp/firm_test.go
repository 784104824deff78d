package stomp

import (
	"errors"
	"net"
	"testing"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// What was given up because its connection was lost stays so, whatever is read of the
// connection after that: what comes behind it would be published before it.
func TestRevoked_Stays(t *testing.T) {
	for name, second := range map[string]*frame.Frame{
		"lasting":     frame.New("MESSAGE", "message-id", "2", "persistent", "true"),
		"not lasting": frame.New("MESSAGE", "message-id", "2"),
		"expiring":    frame.New("MESSAGE", "message-id", "2", "persistent", "true", "expires", "99999999999999"),
	} {
		t.Run(name, func(t *testing.T) {
			wire, _ := net.Pipe()
			k := &conn{wire: wire, server: activemq, dead: make(chan struct{}), receipts: map[string]func(error){}}
			c := &consumer{source: &source{sub: broker.Subscription{PrefetchBytes: 1 << 20}}, conn: k, feed: make(chan *delivery, 2), lasting: true}
			if err := c.take(frame.New("MESSAGE", "message-id", "1", "persistent", "true")); err != nil {
				t.Fatal(err)
			}
			first := attempt{<-c.feed}
			if first.Revoked() {
				t.Error("it is revoked before the connection is lost")
			}
			k.end(errors.New("lost"))
			if !first.Revoked() {
				t.Error("it is not revoked")
			}
			_ = c.take(second) // it was under way to the goroutine that reads
			if !first.Revoked() {
				t.Error("it is not revoked any more")
			}
		})
	}
}
