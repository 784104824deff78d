package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	_ "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/internal/rabbit"
)

func TestRun(t *testing.T) {
	for name, url := range map[string]func() string{
		"memory":   func() string { return "memory:" },
		"RabbitMQ": func() string { return rabbit.Start(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			at := url()
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			b, err := broker.Dial(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, b) }()
			orders := b.Queue("orders")
			for _, body := range []string{`{"total": 10}`, `{"total": 1200}`, `no order`} {
				if err := eip.Await(t.Context(), orders, eip.New([]byte(body), nil)); err != nil {
					t.Fatal(err)
				}
			}
			for queue, want := range map[string]string{"letters": `Thank you for {"total": 1200}`, "orders.dead": "no order"} {
				m, err := b.Queue(queue).Receive(t.Context())
				if err != nil || string(m.Body()) != want {
					t.Fatalf("%s has %q: %v", queue, m.Body(), err)
				}
				eip.Deliver(t.Context(), eip.Discard, m)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMain_IsShort(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if lines := strings.Count(string(source), "\n"); err != nil || lines > 50 {
		t.Errorf("it has %d lines: %v", lines, err)
	}
}
