package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// A Client gives commands and collects replies. It is safe for concurrent use.
type Client struct {
	// Secret signs the commands; "": they are not signed. It is set before use.
	Secret string
	way    way
}

// way is how commands reach processes.
type way interface {
	// ask sends a command, and returns where its replies come, until done is called.
	ask(ctx context.Context, command []byte) (replies <-chan answer, done func(), err error)
	// single reports whether one process alone answers.
	single() bool
	close() error
}

// answer is a reply, or why there will be none any more.
type answer struct {
	data []byte
	err  error
}

// Collect says which replies to wait for.
type Collect struct {
	// Wait is how long to wait for processes to answer; 0 means 2 s. On a socket one
	// process answers, and is waited for until the context ends.
	Wait time.Duration
	// Expect is after how many processes' answers to go no further; 0: not before Wait
	// is over.
	Expect int
}

// ErrNobody is why there is no reply: no process has answered in time.
var ErrNobody = errors.New("no process has answered")

// Do gives a command and yields the replies as they come. Each process sends one, or
// several of which all but the last have More. Waiting ends as c says, or with ctx;
// for a process that has sent a reply with More, it goes on until its last. An error
// that is yielded is the last thing: nobody answered, or the connection is lost.
func (c *Client) Do(ctx context.Context, command Command, of Collect) iter.Seq2[Reply, error] {
	return func(yield func(Reply, error) bool) {
		if c.Secret != "" {
			if err := command.Sign(c.Secret); err != nil {
				yield(Reply{}, fmt.Errorf("sign %s: %w", command.Command, err))
				return
			}
		}
		data, err := json.Marshal(command)
		if err != nil {
			yield(Reply{}, fmt.Errorf("encode %s: %w", command.Command, err))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		replies, done, err := c.way.ask(ctx, data)
		if err != nil {
			yield(Reply{}, err)
			return
		}
		defer done()
		c.collect(ctx, replies, of, yield)
	}
}

func (c *Client) collect(ctx context.Context, replies <-chan answer, of Collect, yield func(Reply, error) bool) {
	over := (<-chan time.Time)(nil)
	if c.way.single() {
		of.Expect = 1
	} else {
		if of.Wait == 0 {
			of.Wait = 2 * time.Second
		}
		t := time.NewTimer(of.Wait)
		defer t.Stop()
		over = t.C
	}
	streams := map[string]bool{} // instances that send more
	answered, late := 0, false
	for !late || len(streams) > 0 {
		select {
		case a := <-replies:
			if a.err != nil {
				yield(Reply{}, a.err)
				return
			}
			var r Reply
			if json.Unmarshal(a.data, &r) != nil {
				continue // it is none; anybody may send to an inbox
			}
			if !yield(r, nil) {
				return
			}
			if r.More {
				streams[r.Instance] = true
				continue
			}
			delete(streams, r.Instance)
			if answered++; of.Expect > 0 && answered >= of.Expect {
				late = true
			}
		case <-over:
			late, over = true, nil
		case <-ctx.Done():
			yield(Reply{}, ctx.Err())
			return
		}
	}
	if answered == 0 {
		yield(Reply{}, ErrNobody)
	}
}

// Close ends the Client.
func (c *Client) Close() error { return c.way.close() }

// Read decodes a reply's result into to, or returns the error that the reply brings.
func (r *Reply) Read(to any) error {
	if r.Error != nil {
		return r.Error
	}
	if !r.OK {
		return Errorf(Failed, "%s gave neither a result nor an error", r.Instance)
	}
	if err := json.Unmarshal(r.Result, to); err != nil {
		return fmt.Errorf("read the result of %s: %w", r.Command, err)
	}
	return nil
}
