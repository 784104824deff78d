// Command hand does the benchmark's work on RabbitMQ with the client library
// alone, in the best form known: hand JOB URL.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "hand:", err)
		os.Exit(1)
	}
}

func run(job, url string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	// A connection each, as RabbitMQ advises: when it slows publishers down, it
	// still takes acknowledgements.
	in, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := wires{in, out}

	switch job {
	case "bridge":
		return w.move(ctx, "in", func(d *amqp.Delivery, send sender) error { return send("out", forward(d)) })
	case "router":
		return w.move(ctx, "in", func(d *amqp.Delivery, send sender) error { return send(belongs(d.Body), forward(d)) })
	case "tap":
		return w.move(ctx, "in", func(d *amqp.Delivery, send sender) error {
			return errors.Join(send("audit", forward(d)), send(belongs(d.Body), forward(d)))
		})
	case "service":
		return w.move(ctx, "service", func(d *amqp.Delivery, send sender) error {
			p := forward(d)
			p.ReplyTo, p.DeliveryMode = "", amqp.Transient
			return send(d.ReplyTo, p)
		})
	case "proxy":
		p := &proxy{}
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() error { return w.move(ctx, "requests", p.request) })
		both.Go(func() error { return w.move(ctx, replies, p.reply) })
		return both.Wait()
	}
	return fmt.Errorf("no job %s", job)
}

// belongs names the queue of an order.
func belongs(body []byte) string {
	if gjson.GetBytes(body, "total").Float() > 1000 {
		switch gjson.GetBytes(body, "region").Str {
		case "eu":
			return "big_eu"
		case "us":
			return "big_us"
		}
	}
	return "rest"
}

// forward makes a message anew as it came.
func forward(d *amqp.Delivery) amqp.Publishing {
	return amqp.Publishing{Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId,
		Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body}
}
