package remote_test

import (
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

func TestHeartbeat(t *testing.T) {
	for query, want := range map[string]time.Duration{"": 5, "?heartbeat=10": 10, "?heartbeat=0": 5, "?heartbeat=x": 5, "?heartbeat=70000": 5, "?heartbeat=-1": 5} {
		if got := remote.Heartbeat("amqp://u:p@h/" + query); got != want*time.Second {
			t.Errorf("%s: %v, want %v", query, got, want*time.Second)
		}
	}
}

func TestRedact(t *testing.T) {
	if got := remote.Redact("amqp://shop:geheim@h:5672/v"); got != "amqp://shop:xxxxx@h:5672/v" {
		t.Errorf("it shows %s", got)
	}
}
