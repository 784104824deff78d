package stomp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// connect connects under the source's client-id. What promises its order across a restart
// lets the server notice first that a process has ended which was here before.
func (s *source) connect(ctx context.Context) (*conn, error) {
	for began := time.Now(); ; remote.Sleep(ctx, answerSoon) {
		k, err := s.broker.connect(ctx, s, s.clientID)
		switch {
		case !s.successor || err != nil && !errors.Is(err, errTaken):
			return k, err
		case err == nil && k.server == rabbitmq: // which knows no client-id
			remote.Sleep(ctx, 4*answerSoon)
			fallthrough
		case err == nil:
			s.successor = false
			return k, nil
		case time.Since(began) >= remote.Patience || ctx.Err() != nil: // it lives
			s.clientID, s.successor = "eipd-"+eip.NewID(), false
		}
	}
}

// answerSoon is about how long a server may take to notice that a process has ended.
const answerSoon = 50 * time.Millisecond

// lasting is a client-id that the next process in this data directory has too.
func (b *Broker) lasting(c broker.Channel, sub broker.Subscription) string {
	machine, _ := os.Hostname() // without it, the folder has to do
	folder, _ := filepath.Abs(b.config.DataDir)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", machine, folder, b.config.Name, c.Address, sub.Name))
	return "eipd-" + hex.EncodeToString(sum[:16])
}
