package embedded

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker/internal/local"
)

// load reads what channels there are.
func (s *fileStore) load() error {
	return guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{channelsBucket, positionsBucket, quarantineBucket} {
				if tx.Bucket(name) == nil {
					return fmt.Errorf("it is damaged, or no store of messages: it has no bucket %q", name)
				}
			}
			err := tx.Bucket(channelsBucket).ForEach(func(id, record []byte) error {
				value, ok := unseal(record, id)
				if !ok || len(id) != 8 {
					return fmt.Errorf("it is damaged: what it says of channel %x", id)
				}
				var spec local.Spec
				if err := json.Unmarshal(value, &spec); err != nil {
					return fmt.Errorf("it says of channel %x what this program does not know: %w", id, err)
				}
				return s.restore(tx, id, spec)
			})
			if err != nil {
				return err
			}
			if err := s.state.load(tx); err != nil {
				return err
			}
			return s.orphans(tx)
		})
	})
}

// orphans reports messages that belong to no channel.
func (s *fileStore) orphans(tx *bbolt.Tx) error {
	known := map[string]bool{string(channelsBucket): true, string(positionsBucket): true, string(quarantineBucket): true}
	for _, l := range s.logs {
		known[string(l.bucket)] = true
	}
	return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if !known[string(name)] && !s.ownsLarge(name) && !s.state.owns(name) {
			return fmt.Errorf("it is damaged: the messages %q belong to no channel", name)
		}
		return nil
	})
}
