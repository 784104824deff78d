package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// DialSocket returns a Client of the process that serves the socket at path.
func DialSocket(path string) (*Client, error) {
	c, err := dialUnix(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open %s: there is no such socket; is eipd running here?", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("open %s: nobody serves this socket any more", path)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	_ = c.Close() // each command has a connection of its own
	return &Client{way: socket(path)}, nil
}

type socket string

func (s socket) single() bool { return true }
func (s socket) close() error { return nil }

func (s socket) ask(ctx context.Context, command []byte, _ <-chan struct{}, accept func([]byte) *Reply) (<-chan answer, func(), error) {
	c, err := dialUnix(string(s))
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", string(s), err)
	}
	over := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	if _, err := c.Write(append(command, '\n')); err != nil {
		over()
		return nil, nil, errors.Join(fmt.Errorf("write to %s: %w", string(s), err), c.Close())
	}
	replies := make(chan answer)
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		read(ctx, c, replies, accept)
	}()
	return replies, func() {
		cancel()
		over()
		_ = c.Close() // the reply is read, or nobody wants it
		<-stopped
	}, nil
}

// read passes on the lines of a connection.
func read(ctx context.Context, c net.Conn, replies chan<- answer, accept func([]byte) *Reply) {
	in := bufio.NewReader(c)
	for {
		line, err := readLine(in, longestReply)
		a := answer{reply: accept(line), size: len(line)}
		switch {
		case errors.Is(err, io.EOF):
			a = answer{err: errors.New("the process has hung up")}
		case err != nil:
			a = answer{err: err}
		case len(line) > longestReply:
			err = fmt.Errorf("an answer has more than %d bytes", longestReply)
			a = answer{err: err}
		case a.reply == nil:
			continue // it is none
		}
		select {
		case replies <- a:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
