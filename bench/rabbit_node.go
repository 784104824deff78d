package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// errMissing says that RabbitMQ is not installed.
var errMissing = errors.New("not measured")

// node is a RabbitMQ node of our own, which ends with the program.
type node struct {
	*rabbit.Node
	pid int
}

// tb lets a program use what is made for tests: what fails a test is a panic, which
// attempt makes an error.
type tb struct{ testing.TB }

type failure struct{ error }

func (tb) Helper()                        {}
func (tb) Cleanup(func())                 {}
func (tb) Fatal(args ...any)              { panic(failure{errors.New(fmt.Sprint(args...))}) }
func (tb) Fatalf(format string, a ...any) { panic(failure{fmt.Errorf(format, a...)}) }
func (tb) Skip(args ...any)               { panic(failure{fmt.Errorf("%w: %s", errMissing, fmt.Sprint(args...))}) }

func attempt(work func(testing.TB)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = f.error
		}
	}()
	work(tb{})
	return nil
}

// startNode starts a node with the shovel plugin.
func startNode() (*node, error) {
	shovel := func(n *rabbit.Node) error {
		return os.WriteFile(n.File("enabled_plugins"), []byte("[rabbitmq_shovel]."), 0o600)
	}
	n := &node{}
	if err := attempt(func(t testing.TB) { n.Node = rabbit.Start(t, shovel) }); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(n.File("pid"))
	if err != nil {
		return nil, fmt.Errorf("read the node's process id: %w", err)
	}
	n.pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
	return n, err
}

func (n *node) connect() (*amqp.Connection, error) {
	conn, err := amqp.Dial(n.URL())
	if err != nil {
		return nil, fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	return conn, nil
}

// cpu is what the node has used so far.
func (n *node) cpu() time.Duration { return processTime(n.pid) }

// shovel moves messages from one queue to another, inside the node. It begins a
// second later, when the tool that asks for it has ended.
func (n *node) shovel(from, to string) error {
	definition := fmt.Sprintf(`{"src-protocol": "amqp091", "src-uri": "amqp://", "src-queue": "%s", "src-prefetch-count": 1000, `+
		`"dest-protocol": "amqp091", "dest-uri": "amqp://", "dest-queue": "%s", "ack-mode": "on-confirm"}`, from, to)
	later := fmt.Sprintf(`timer:apply_after(1000, rabbit_runtime_parameters, parse_set, [<<"/">>, <<"shovel">>, <<"bench">>, <<%q>>, none]).`, definition)
	return attempt(func(t testing.TB) { n.Ctl(t, "eval", later) })
}

func (n *node) stopShovel() error {
	return attempt(func(t testing.TB) { n.Ctl(t, "clear_parameter", "shovel", "bench") })
}
