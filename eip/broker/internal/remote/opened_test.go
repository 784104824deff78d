package remote_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
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

func TestBegin(t *testing.T) {
	passing, refused := errors.New("passing"), &broker.Trouble{Refused: true, Err: errors.New("refused")}
	lost := broker.ErrLost
	for name, test := range map[string]struct {
		errs        []error // of the attempts; the last one repeats
		want        error
		least, most int // attempts: each wait is shorter by up to a half, at random
	}{
		"at once":            {[]error{nil}, nil, 1, 1},
		"soon":               {[]error{passing, passing, nil}, nil, 3, 3},
		"refused":            {[]error{passing, refused}, refused, 2, 2},
		"for good":           {[]error{eip.Permanent(passing)}, passing, 1, 1},
		"not in time":        {[]error{passing}, passing, 3, 5},
		"away is waited for": {[]error{lost, lost, lost, lost, lost, nil}, nil, 6, 6},
		"as long as it may":  {[]error{lost}, lost, 10, 21},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				attempts := 0
				attempt := func() error { return test.errs[min(attempts, len(test.errs))-1] }
				err := remote.Begin(ctx, func(context.Context) error {
					attempts++
					return attempt()
				}, func(err error) time.Duration {
					if err != attempt() {
						t.Errorf("it met %v", err)
					}
					return time.Second
				})
				if !errors.Is(err, test.want) || attempts < test.least || attempts > test.most {
					t.Errorf("it ends with %v after %d attempts, want %v after %d to %d", err, attempts, test.want, test.least, test.most)
				}
			})
		})
	}
}

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
