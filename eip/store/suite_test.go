package store_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func TestMemory(t *testing.T) {
	eiptest.Store(t, eiptest.StoreCase{Open: func(*testing.T) store.Store { return memory.New() }})
}

func TestEmbedded(t *testing.T) {
	dirs := map[string]string{} // of tests
	eiptest.Store(t, eiptest.StoreCase{Lasts: true, Open: func(t *testing.T) store.Store {
		if dirs[t.Name()] == "" {
			dirs[t.Name()] = t.TempDir()
		}
		s, err := store.OpenURL(context.Background(), (&url.URL{Scheme: "embedded", Opaque: url.PathEscape(dirs[t.Name()])}).String(), store.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}})
}
