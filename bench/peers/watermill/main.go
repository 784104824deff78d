// Command watermill does the benchmark's work on RabbitMQ with Watermill:
// watermill JOB URL.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
)

// handlers of one queue: a subscription handles one message at a time, so this
// many are the only way to have more of them under way. Order is lost.
const handlers = 64

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "watermill:", err)
		os.Exit(1)
	}
}

func run(job, url string) error {
	config := amqp.NewDurableQueueConfig(url)
	config.Publish.ConfirmDelivery = true
	config.Publish.ChannelPoolSize = handlers
	config.Consume.Qos.PrefetchCount = 20
	log := watermill.NopLogger{}
	publisher, err := amqp.NewPublisher(config, log)
	if err != nil {
		return fmt.Errorf("make a publisher: %w", err)
	}
	subscriber, err := amqp.NewSubscriber(config, log)
	if err != nil {
		return fmt.Errorf("make a subscriber: %w", err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, log)
	if err != nil {
		return fmt.Errorf("make a router: %w", err)
	}
	handle := map[string]message.NoPublishHandlerFunc{
		"bridge": func(m *message.Message) error { return publisher.Publish("out", m) },
		"router": func(m *message.Message) error { return route(publisher, m) },
		"tap": func(m *message.Message) error {
			if err := publisher.Publish("audit", m); err != nil {
				return err
			}
			return route(publisher, m)
		},
	}[job]
	if handle == nil {
		return fmt.Errorf("no job %s", job)
	}
	for i := range handlers {
		router.AddConsumerHandler(job+strconv.Itoa(i), "in", subscriber, handle)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return router.Run(ctx)
}

func route(to message.Publisher, m *message.Message) error {
	var order struct {
		Total  float64 `json:"total"`
		Region string  `json:"region"`
	}
	if err := json.Unmarshal(m.Payload, &order); err != nil {
		return err
	}
	queue := "rest"
	switch {
	case order.Total > 1000 && order.Region == "eu":
		queue = "big_eu"
	case order.Total > 1000 && order.Region == "us":
		queue = "big_us"
	}
	return to.Publish(queue, m)
}
