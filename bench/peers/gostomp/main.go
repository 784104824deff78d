// Command gostomp moves messages between queues over STOMP as most programs with go-stomp
// do: a receipt for each message before it is acknowledged, on one connection or more.
package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/go-stomp/stomp/v3"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(connections, raw string) error {
	n, err := strconv.Atoi(connections)
	if err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return err
	}
	lost := make(chan error, n)
	for range n {
		in, err := dial(u) // a connection that delivers does not read receipts meanwhile
		if err != nil {
			return err
		}
		out, err := dial(u)
		if err != nil {
			return err
		}
		sub, err := in.Subscribe("/queue/in", stomp.AckClientIndividual)
		if err != nil {
			return err
		}
		go func() { lost <- move(in, out, sub) }()
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	select {
	case <-end:
		time.Sleep(time.Second / 2) // what is sent is acknowledged
		return nil
	case err := <-lost:
		return err
	}
}

func dial(u *url.URL) (*stomp.Conn, error) {
	password, _ := u.User.Password()
	return stomp.Dial("tcp", u.Host, stomp.ConnOpt.Login(u.User.Username(), password), stomp.ConnOpt.Host("/"),
		stomp.ConnOpt.HeartBeat(0, 0), stomp.ConnOpt.RcvReceiptTimeout(time.Minute))
}

func move(in, out *stomp.Conn, sub *stomp.Subscription) error {
	for m := range sub.C {
		if m.Err != nil {
			return m.Err
		}
		if err := out.Send("/queue/out", m.ContentType, m.Body, stomp.SendOpt.Receipt, stomp.SendOpt.Header("persistent", "true")); err != nil {
			return err
		}
		if err := in.Ack(m); err != nil {
			return err
		}
	}
	return nil
}
