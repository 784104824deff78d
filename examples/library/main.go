// Command library shows two flows on RabbitMQ that a Go program puts together by itself:
// large orders go to a topic, and of each a letter is written.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/amqp"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/routing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := amqp.Dial(ctx, "amqp://guest:guest@localhost:5672/")
	if err == nil {
		err = errors.Join(run(ctx, b), b.Close())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, b *broker.Connection) error {
	isLarge, err := expression.Predicate("body.total > 1000")
	if err != nil {
		return err
	}
	large := routing.NewFilter()
	large.If.Set(isLarge)
	letter := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody(append([]byte("Thank you for "), m.Body()...)))
	})
	dead := b.Queue("orders.dead")
	return b.Run(ctx,
		&eip.Flow{Name: "pick", Source: b.Queue("orders"), Stages: []eip.Stage{large}, To: b.Topic("large"), DeadLetter: dead},
		&eip.Flow{Name: "thank", Source: b.Topic("large"), Stages: []eip.Stage{letter}, To: b.Queue("letters"), DeadLetter: dead},
	)
}
