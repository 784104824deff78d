package remote_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// closer takes a while to close, and removes itself.
type closer struct {
	from *remote.Opened
	err  error
}

func (c *closer) Close() error {
	c.from.Remove(c)
	time.Sleep(time.Second)
	return c.err
}

func TestOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o remote.Opened
		wrong := errors.New("wrong")
		gone := &closer{from: &o, err: errors.New("closed twice")}
		for _, c := range []*closer{{&o, nil}, {&o, wrong}, {&o, nil}, gone} {
			if err := o.Add(c); err != nil {
				t.Fatal(err)
			}
		}
		o.Remove(gone)
		if len(o.All()) != 3 || o.Ended() {
			t.Errorf("%d are open, ended: %v", len(o.All()), o.Ended())
		}
		began := time.Now()
		if err := o.Close(); !errors.Is(err, wrong) || errors.Is(err, gone.err) || time.Since(began) != time.Second {
			t.Errorf("close: %v after %v", err, time.Since(began))
		}
		if err := o.Add(gone); err != eip.ErrClosed || len(o.All()) != 0 || !o.Ended() {
			t.Errorf("after Close: %v, %d are open, ended: %v", err, len(o.All()), o.Ended())
		}
		if err := o.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
	})
}
