package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// ping connects, and tries on a queue of its own what flows need permission for. It
// returns the server's product and version.
func ping(ctx context.Context, c broker.Config) (string, error) {
	if c.URL.Host == "" {
		return "", fmt.Errorf("the URL names no host")
	}
	conn, end, err := probe(ctx, &c, c.URL.String())
	if err != nil {
		return "", err
	}
	defer end()
	about := product(conn)
	if err := permissions(conn, c.URL.User.Username()); err != nil {
		if ctx.Err() != nil {
			err = failed("permission", "the broker does not answer: %w", ctx.Err())
		}
		return "", err
	}
	_ = conn.Close() // it has said all there is to know
	return about, nil
}

// product is what the server says of itself.
func product(conn *amqp.Connection) string {
	var words []string
	for _, name := range []string{"product", "version"} {
		if s, ok := conn.Properties[name].(string); ok && s != "" {
			words = append(words, s)
		}
	}
	if len(words) == 0 {
		return "an AMQP 0-9-1 server"
	}
	return strings.Join(words, " ")
}

// permissions declares a queue, which is gone with the connection, sends to it and
// reads from it: RabbitMQ gives permission for each of these apart.
func permissions(conn *amqp.Connection, user string) error {
	queue := broker.InboxAddress("") // as flows name those that replies come to
	needs := []struct {
		permission, of string
		try            func(*amqp.Channel) error
	}{
		{"configure", queue, func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(queue, false, true, true, false, nil)
			return err
		}},
		{"write", "amq.default", func(ch *amqp.Channel) error { return publish(ch, "", queue, "0") }},
		{"read", queue, func(ch *amqp.Channel) error {
			_, _, err := ch.Get(queue, true)
			return err
		}},
	}
	var missing []string
	for _, n := range needs {
		err := apart(conn, n.try)
		var a *amqp.Error
		switch {
		case err == nil:
			continue
		case !errors.As(err, &a) || a.Code != amqp.AccessRefused:
			return failed("permission", "try to %s %s: %s", n.permission, n.of, explain(err))
		}
		missing = append(missing, fmt.Sprintf("%s (for %s)", n.permission, n.of))
		if n.permission == "configure" {
			break // there is no queue to read or write
		}
	}
	if missing != nil {
		return failed("permission", "the user %s lacks in the vhost %q: %s", user, conn.Config.Vhost, strings.Join(missing, ", "))
	}
	return nil
}

// publish sends an empty message and waits until the broker has it.
func publish(ch *amqp.Channel, exchange, key, expiration string) error {
	if err := ch.Confirm(false); err != nil {
		return err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	confirmed := ch.NotifyPublish(make(chan amqp.Confirmation, 1))
	if err := ch.Publish(exchange, key, false, false, amqp.Publishing{Expiration: expiration}); err != nil {
		return err
	}
	if _, ok := <-confirmed; ok {
		return nil
	}
	if err := <-closed; err != nil {
		return err
	}
	return amqp.ErrClosed
}

// apart makes a call on an AMQP channel of its own, as a refusal closes it.
func apart(conn *amqp.Connection, call func(*amqp.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := call(ch); err != nil {
		return err
	}
	return ch.Close()
}
