// Package embedded is the broker inside this process that keeps what is durable
// in one file of a data directory. It has no listener; one process at a time has
// the directory.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// Capabilities are what the broker can do.
var Capabilities = func() broker.Capabilities {
	c := local.Capabilities()
	c.Durable, c.Positions, c.LargestBody = true, true, wire.MaxMessage
	return c
}()

func init() {
	broker.Registry.Add("embedded", func() broker.Transport {
		return broker.Transport{
			Open: func(_ context.Context, c broker.Config) (broker.Broker, error) {
				b, err := Open(c)
				if err != nil {
					return nil, err
				}
				return b, nil
			},
			Capabilities: Capabilities, Check: local.Check,
		}
	})
}

// Broker keeps messages, and adapters' positions.
type Broker struct {
	*local.Broker
	store *fileStore
}

var (
	_ broker.Broker     = (*Broker)(nil)
	_ broker.Idler      = (*Broker)(nil)
	_ adapter.Positions = (*Broker)(nil)
)

const messagesFile = "messages.db"

// Open opens the broker in the directory that the URL names, else in the data
// directory.
func Open(c broker.Config) (*Broker, error) {
	dir, err := Directory(c.URL, c.DataDir)
	name := "embedded:"
	if c.URL != nil {
		name = c.URL.String()
	}
	if err != nil {
		return nil, fmt.Errorf("open broker %q: %w", name, err)
	}
	s, err := openStore(filepath.Join(dir, messagesFile), c.Log)
	if err != nil {
		return nil, fmt.Errorf("open broker %q: %w", name, err)
	}
	b, err := local.New(c, name, Capabilities, s)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open broker %q: %w", name, err), s.Close())
	}
	e := &Broker{b, s}
	s.owner = e
	return e, nil
}

// Directory is what embedded:, embedded:DIR, embedded:/DIR and embedded:///DIR say, else the
// data directory.
func Directory(u *url.URL, dataDir string) (string, error) {
	dir := ""
	if u != nil {
		if u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", fmt.Errorf("the URL is embedded: or embedded:DIR")
		}
		dir = u.Path
		if u.Opaque != "" {
			var err error
			if dir, err = url.PathUnescape(u.Opaque); err != nil {
				return "", err
			}
		}
	}
	if dir == "" {
		dir = dataDir
	}
	if dir == "" {
		return "", fmt.Errorf("no directory is given: write embedded:DIR, or set a data directory")
	}
	return filepath.FromSlash(dir), nil
}

// Position returns the value that was kept under key; nil where there is none.
func (b *Broker) Position(key string) ([]byte, error) { return b.store.Position(key) }

// Keep remembers value under key. It is written together with the messages that
// are under way.
func (b *Broker) Keep(key string, value []byte) { b.store.Keep(key, value) }

// State returns the store of what stages remember, which is in the broker's own file: so
// what is taken from a queue, remembered and sent to another is one transaction.
func (b *Broker) State() store.Store { return b.store.state }
