package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// A Client gives commands and collects replies. It is safe for concurrent use.
type Client struct {
	// Secret signs the commands; "": they are not signed. Replies that come from a
	// topic must then be signed with it too. It is set before use.
	Secret string
	way    way

	mu      sync.Mutex
	refused error // the first reply that was not signed as it must be
}

// way is how commands reach processes.
type way interface {
	// ask sends a command, and returns where the replies come that accept takes, until
	// done is called. Until repeat is closed it sends the command again, ever more
	// seldom: a flood of others may have pushed it out. nil: never.
	ask(ctx context.Context, command []byte, repeat <-chan struct{}, accept func([]byte) *Reply) (replies <-chan answer, done func(), err error)
	// single reports whether one process alone answers, and nobody else can.
	single() bool
	close() error
}

// answer is a reply, or why there will be none any more.
type answer struct {
	reply *Reply
	size  int
	err   error
}

// Collect says which replies to wait for.
type Collect struct {
	// Wait is how long to wait for processes to answer, and after it nothing is waited
	// for, whatever has come; but for what the command itself is to bring for a time.
	// 0 means 2 s; on a socket, where one process answers, until the context ends.
	Wait time.Duration
	// Expect is after how many processes' answers to go no further; 0: not before Wait
	// is over.
	Expect int
}

// Bounds of what a Client takes from others, who may be anybody.
const (
	mostAnswering = 1000     // last replies
	mostOfReplies = 64 << 20 // bytes of last replies, all together
	longestReply  = 16 << 20 // on a socket
)

// ErrNobody is why there is no reply: no process has answered in time.
var ErrNobody = errors.New("no process has answered")

// Refused returns what the first reply said that was not believed, as it was not
// signed with the secret; nil where there was none.
func (c *Client) Refused() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// accept reads a reply to the command that had the nonce; nil where it is none, or
// cannot be believed. Anybody may send to an inbox.
func (c *Client) accept(nonce string) func([]byte) *Reply {
	return func(data []byte) *Reply {
		r := &Reply{}
		if json.Unmarshal(data, r) != nil {
			return nil
		}
		if c.Secret == "" || c.way.single() || r.genuine(c.Secret, nonce) {
			return r
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.refused == nil {
			says := "nothing that is wrong"
			if r.Error != nil {
				says = clip(r.Error.Error())
			}
			c.refused = fmt.Errorf("an answer of %q was not signed with this secret, and is not believed; it says: %s", clip(r.Instance), says)
		}
		return nil
	}
}

// lasts is how long a command goes on to bring replies, after its first.
func (c *Command) lasts() time.Duration {
	switch c.Command {
	case "tap":
	case "jobs":
		if c.Args["follow"] != true {
			return 0
		}
	case "peek":
		return peekLasts
	case "letters", "letters_body":
		return DefaultTimeout
	default:
		return 0
	}
	text, _ := c.Args["for"].(string)
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return defaultTapFor
}

// Do gives a command and yields the replies as they come. Each process sends one, or
// several of which all but the last have More. Waiting ends as c says, or with ctx.
// An error that is yielded is the last thing: nobody answered, or the connection is
// lost.
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
		if of.Wait == 0 && !c.way.single() {
			of.Wait = 2 * time.Second
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		late := make(chan struct{}) // nothing is waited for any more, but for streams
		if of.Wait > 0 {
			waited := time.AfterFunc(of.Wait, func() { close(late) })
			defer waited.Stop()
			whole := time.AfterFunc(of.Wait+command.lasts(), func() { cancel(ErrNobody) })
			defer whole.Stop()
		}
		var repeat <-chan struct{}
		if c.Secret != "" { // its nonce keeps it from being carried out twice
			repeat = late
		}
		replies, done, err := c.way.ask(ctx, data, repeat, c.accept(command.Nonce))
		switch {
		case err != nil && context.Cause(ctx) == ErrNobody:
			yield(Reply{}, ErrNobody)
			return
		case err != nil:
			yield(Reply{}, err)
			return
		}
		defer done()
		c.collect(ctx, replies, late, command.lasts() > 0, of.Expect, yield)
	}
}

func (c *Client) collect(ctx context.Context, replies <-chan answer, late <-chan struct{}, streams bool, expect int, yield func(Reply, error) bool) {
	if c.way.single() {
		expect = 1
	}
	open := map[string]bool{} // instances that send more
	answered, size, over := 0, 0, late
	for over != nil || len(open) > 0 {
		select {
		case <-over: // first: there may be replies without end
			over = nil
			continue
		default:
		}
		select {
		case a := <-replies:
			if a.err != nil {
				yield(Reply{}, a.err)
				return
			}
			r := *a.reply
			switch {
			case r.More && (!streams || len(open) >= mostAnswering && !open[r.Instance]), answered >= mostAnswering:
				continue
			case !r.More && size+a.size > mostOfReplies:
				continue
			case !yield(r, nil):
				return
			case r.More:
				open[r.Instance] = true
				continue
			}
			delete(open, r.Instance)
			size += a.size
			if answered++; expect > 0 && answered >= expect {
				over = nil
			}
		case <-over:
			over = nil
		case <-ctx.Done():
			if context.Cause(ctx) != ErrNobody {
				yield(Reply{}, ctx.Err())
				return
			}
			clear(open)
			over = nil
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
