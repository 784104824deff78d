package embedded

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/store"
)

// Positions is a store of adapters' positions alone, for where no embedded broker
// keeps them.
type Positions struct{ store *fileStore }

var _ adapter.Positions = (*Positions)(nil)

const positionsFile = "positions.db"

// OpenPositions opens the store of positions in a data directory, and makes it
// where it is missing. A process may open it once.
func OpenPositions(dir string, log *slog.Logger) (*Positions, error) {
	s, err := openStore(filepath.Join(dir, positionsFile), log)
	if err != nil {
		return nil, fmt.Errorf("open the store of positions: %w", err)
	}
	p := &Positions{s}
	s.owner = p
	return p, nil
}

// StateFiles are the files of a data directory in which stages remember, by what they also
// are: that of a broker, and that of positions where the broker is elsewhere.
var StateFiles = []string{messagesFile, positionsFile}

// OpenState opens one of StateFiles as a store, for whom no flow runs, and makes it where
// it is missing. thorough has all of its structure be checked, although it was closed in
// order.
func OpenState(path string, thorough bool, log *slog.Logger) (store.Store, error) {
	if thorough {
		_ = os.Remove(closedPath(path))
	}
	s, err := openStore(path, log)
	if err != nil {
		return nil, err
	}
	p := &Positions{s}
	s.owner = p
	return ownState{s.state, p}, nil
}

// Position returns the value kept under key; nil where there is none.
func (p *Positions) Position(key string) ([]byte, error) { return p.store.Position(key) }

// Keep remembers value under key, as adapter.Positions says.
func (p *Positions) Keep(key string, value []byte) { p.store.Keep(key, value) }

// State returns the store of what stages remember, which is in the same file.
func (p *Positions) State() store.Store { return p.store.state }

// Close writes what is not yet written.
func (p *Positions) Close() error { return p.store.Close() }

// Position returns the value kept under key. A damaged one counts as none: what
// was read from there on is read again.
func (s *fileStore) Position(key string) (value []byte, err error) {
	key = fitting(key)
	s.mu.Lock()
	for _, unwritten := range []map[string][]byte{s.keeps, s.keeping} {
		if v, ok := unwritten[key]; ok {
			s.mu.Unlock()
			return bytes.Clone(v), nil
		}
	}
	err = s.broken()
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("read position %q: %w", key, err)
	}
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			record := tx.Bucket(positionsBucket).Get([]byte(key))
			if record == nil {
				return nil
			}
			v, ok := unseal(record, []byte(key))
			if !ok {
				s.log.Error("a damaged position is left out: its source starts again", "file", s.path, "key", key)
				return nil
			}
			value = bytes.Clone(v)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read position %q: %w", key, err)
	}
	return value, nil
}

// fitting is a key that bbolt takes: not empty, and not too long.
func fitting(key string) string {
	const longest = 1024
	if len(key) <= longest {
		return "=" + key
	}
	sum := sha256.Sum256([]byte(key))
	return "#" + string(sum[:])
}

// Keep puts down that value is to be kept under key.
func (s *fileStore) Keep(key string, value []byte) {
	key = fitting(key)
	s.mu.Lock()
	if s.err == nil && !s.ended {
		if s.keeps == nil {
			s.keeps = map[string][]byte{}
		}
		s.keeps[key] = bytes.Clone(value)
	}
	s.mu.Unlock()
	s.poke()
}

func (b *batch) keep(tx *bbolt.Tx) error {
	for key, v := range b.keeps {
		record := append(make([]byte, sumSize), v...)
		seal(record, []byte(key))
		if err := tx.Bucket(positionsBucket).Put([]byte(key), record); err != nil {
			return err
		}
	}
	return nil
}
