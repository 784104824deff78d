package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-stomp/stomp/v3"

	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

// stompPeers are what is compared over STOMP, and with which arguments.
var stompPeers = []stompPeer{
	{"eipd", nil},
	{"go-stomp, a receipt at a time", []string{"1"}},
	{"go-stomp, 16 connections", []string{"16"}},
}

type stompPeer struct {
	name string
	args []string
}

// overStomp measures a bridge between two queues, over STOMP.
func overStomp(w io.Writer, o options) error {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := buildPeers(dir); err != nil {
		return err
	}
	for name, start := range map[string]func(testing.TB, *stompBench){
		"RabbitMQ": func(t testing.TB, b *stompBench) {
			n := rabbit.Start(t, rabbit.STOMP)
			b.server, b.url = n, n.StompURL()
		},
		"ActiveMQ": func(t testing.TB, b *stompBench) {
			s := activemq.Start(t)
			b.server, b.url = s, s.URL()
		},
	} {
		b := &stompBench{dir: dir}
		err := attempt(func(t testing.TB) { start(t, b) })
		if errors.Is(err, errMissing) {
			fmt.Fprintf(w, "\n%s: %v\n", name, err)
			continue
		}
		if err != nil {
			return err
		}
		if b.n = o.messages; b.n == 0 {
			b.n = int(1500 * o.each.Seconds())
		}
		if err := b.compare(w, name, o.rounds); err != nil {
			return err
		}
	}
	return nil
}

// stompBench is a server, and the contestants' programs in a folder.
type stompBench struct {
	dir, url string
	server   any // which would end if nobody knew it
	n        int
}

func (b *stompBench) compare(w io.Writer, server string, rounds int) error {
	const hand = 1 // what the others are compared with
	all, _, err := inTurn(rounds, stompPeers, func(p stompPeer) string { return p.name }, machineTimes, func(p stompPeer) (moved, error) { return b.move(p.name, p.args) })
	if err != nil {
		return fmt.Errorf("%s, %w", server, err)
	}
	fmt.Fprintf(w, "\n%s over STOMP, from one queue to another: %d persistent JSON messages of 1024 bytes, at least once.\n", server, b.n)
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × are medians of the rounds' own ratios to go-stomp with a receipt at a time.\n\n", rounds)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "contestant\tmessages/s\t× rate\tclient CPU µs\t× CPU\tpeak MiB\tin order")
	for _, p := range stompPeers {
		row := strings.Split(movedRow(all[p.name], all[stompPeers[hand].name]), "\t")
		fmt.Fprintf(table, "%s\t%s\n", p.name, strings.Join(append(row[:4:4], row[5:]...), "\t"))
	}
	return table.Flush()
}

func (b *stompBench) dial() (*stomp.Conn, error) {
	rest, _ := strings.CutPrefix(b.url, "stomp://")
	login, address, _ := strings.Cut(rest, "@")
	user, password, _ := strings.Cut(login, ":")
	return stomp.Dial("tcp", address, stomp.ConnOpt.Login(user, password), stomp.ConnOpt.Host("/"), stomp.ConnOpt.HeartBeat(0, 0))
}

// move has a contestant move all messages, and checks that they come.
func (b *stompBench) move(peer string, args []string) (m moved, err error) {
	conn, err := b.dial()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, hangUp(conn)) }()
	for i := range b.n {
		if err := conn.Send("/queue/in", "application/json", numbered(i), stomp.SendOpt.Header("persistent", "true"), stomp.SendOpt.Receipt); err != nil {
			return m, fmt.Errorf("fill queue in: %w", err)
		}
	}
	out, err := conn.Subscribe("/queue/out", stomp.AckAuto)
	if err != nil {
		return m, fmt.Errorf("subscribe: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Minute, errors.New("it takes too long"))
	defer cancel()
	p := process(filepath.Join(b.dir, "gostomp"), append(args, b.url)...)
	if args == nil {
		p = process(filepath.Join(b.dir, "eipd"), "run", "--broker", b.url, "--data-dir", filepath.Join(b.dir, "data"), filepath.Join("rabbit", "bridge.hcl"))
	}
	running, err := p.launch(ctx)
	if err != nil {
		return m, err
	}
	m.ordered = true
	took, err := b.arrive(running, out, &m)
	used, ended := p.end()
	if err = errors.Join(err, ended); err != nil {
		return m, err
	}
	m.rate = float64(b.n) / took.Seconds()
	m.cpu, m.memory = used.cpu/time.Duration(b.n), used.memory
	return m, nil
}

// arrive takes the messages, each of which must come as it was, and returns how long they
// took since the first.
func (b *stompBench) arrive(ctx context.Context, out *stomp.Subscription, m *moved) (time.Duration, error) {
	var began time.Time
	of := work{n: b.n, belongs: func(route) []string { return []string{"out"} }}
	seen, last := make([]bool, b.n), -1
	for left := b.n; left > 0; {
		select {
		case got := <-out.C:
			if got == nil || got.Err != nil {
				return 0, errors.New("the subscription was lost")
			}
			i, err := of.identify("out", got.Body)
			switch {
			case err != nil:
				return 0, err
			case seen[i]:
				return 0, fmt.Errorf("message %d came twice", i)
			}
			m.ordered = m.ordered && i > last
			seen[i], last = true, i
			if left--; began.IsZero() {
				began = time.Now()
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for messages: %w", context.Cause(ctx))
		}
	}
	return time.Since(began), nil
}

func hangUp(conn *stomp.Conn) error {
	if err := conn.Disconnect(); err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}
