package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// plan compares items with what the server has. Whether a thing exists, a passive
// declaration tells. Whether it is as the item says, only an active one does: of
// what exists it changes nothing, and is refused where an argument differs. AMQP
// leaves one gap: what somebody deletes between the two would be created.
func plan(ctx context.Context, c broker.Config, items []broker.Item) ([]broker.Finding, error) {
	if c.URL.Host == "" {
		return nil, fmt.Errorf("the URL names no host")
	}
	conn, end, err := anyNode(ctx, &c)
	if err != nil {
		return nil, err
	}
	defer end()
	p := &planner{conn: conn, config: &c, created: map[string]bool{}, tried: map[string]string{}}
	for _, i := range items {
		if i.Channel.Kind == broker.Topic && i.Channel.Declare {
			p.created[i.Channel.Address] = true
		}
	}
	found := make([]broker.Finding, len(items))
	for i, item := range items {
		if found[i], err = p.find(item); err == nil && found[i].State != broker.Down {
			var why string
			if why, err = p.refused(item, found[i]); why != "" {
				found[i].State, found[i].Note = broker.Refused, why
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("the broker does not answer: %w", ctx.Err())
			}
			return nil, err
		}
	}
	_ = conn.Close() // it has said all there is to know
	return found, nil
}

// anyNode connects to the first node of the cluster that can be reached.
func anyNode(ctx context.Context, c *broker.Config) (conn *amqp.Connection, end func(), err error) {
	var failed error
	for _, raw := range append([]string{c.URL.String()}, c.URLs...) {
		if conn, end, err = probe(ctx, c, raw); err == nil {
			return conn, end, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, nil, failed
}

type planner struct {
	conn    *amqp.Connection
	config  *broker.Config
	created map[string]bool   // exchanges that the items declare
	tried   map[string]string // needs, and why they are refused
}

// find says what the server has of an item.
func (p *planner) find(i broker.Item) (broker.Finding, error) {
	if i.Channel.Kind == broker.Topic && i.Subscription == nil {
		t := receiving(i.Channel, broker.Subscription{})
		return p.compare(t.ofExchange(), i.Channel.Declare)
	}
	s, create := broker.Subscription{}, i.Channel.Declare
	if i.Subscription != nil {
		s, create = *i.Subscription, true // a subscription is the flow's own
	}
	t := receiving(i.Channel, s).typed(p.config.QueueType)
	f, err := p.compare(t.ofQueue(), create)
	if err != nil {
		return f, err
	}
	if t.durable && !t.exclusive && !t.autoDelete {
		f.QueueType, _ = t.arguments["x-queue-type"].(string)
		if f.State == broker.Fits || f.State == broker.Conflict {
			f.QueueType = cmp.Or(queueType(func(call func(*amqp.Channel) error) error { return apart(p.conn, call) }, t.queue), f.QueueType)
		}
		f.QueueType = cmp.Or(f.QueueType, "classic")
	}
	if i.Read && f.QueueType == "stream" {
		f.State, f.Note = broker.Conflict, "it is a stream: "+noStreams
	}
	if t.exchange != "" && f.State == broker.Fits {
		f.Note = join(f.Note, fmt.Sprintf("AMQP cannot show whether it is bound to %s by %s, or by what else; that binding would be made", t.exchange, t.picks()))
	}
	if name, _ := t.arguments["x-dead-letter-exchange"].(string); name != "" && !p.created[name] {
		dead := &exchange{name: name, kind: amqp.ExchangeDirect}
		there, err := p.exists(dead)
		if err != nil {
			return f, err
		}
		if there == absent {
			f.Warnings = append(f.Warnings, fmt.Sprintf("its dead-letter exchange %q does not exist: the broker drops what should go there", name))
		}
	}
	return f, nil
}

// presence is what a passive declaration tells.
type presence int

const (
	absent presence = iota
	present
	locked // another connection has it to itself
	down   // its node is away
)

func (p *planner) exists(d declaration) (presence, error) {
	err := apart(p.conn, d.passive)
	var a *amqp.Error
	switch {
	case err == nil:
		return present, nil
	case !errors.As(err, &a) || p.conn.IsClosed():
		return absent, lost(err)
	case isDown(a):
		return down, nil
	case a.Code == amqp.NotFound:
		return absent, nil
	case a.Code == amqp.ResourceLocked:
		return locked, nil
	}
	return absent, errors.New(explain(err))
}

// lost makes an error of a connection that ended half way.
func lost(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, amqp.ErrClosed) {
		return errors.New("the connection was lost")
	}
	return errors.New(explain(err))
}

func (p *planner) compare(d planned, create bool) (broker.Finding, error) {
	there, err := p.exists(d)
	switch {
	case err != nil:
		return broker.Finding{}, err
	case there == locked && d.own():
		return broker.Finding{State: broker.Fits, Note: "another connection has it to itself now; it goes with that connection"}, nil
	case there == locked:
		return broker.Finding{State: broker.Conflict, Note: "another connection has it to itself"}, nil
	case there == down:
		return broker.Finding{State: broker.Down, Note: "its node is away: flows that need it wait, and others run"}, nil
	case there == absent && create && d.passing():
		return broker.Finding{State: broker.Temporary}, nil
	case there == absent && create:
		return broker.Finding{State: broker.Create}, nil
	case there == absent:
		return broker.Finding{State: broker.Missing}, nil
	case !create:
		return broker.Finding{State: broker.Fits, Note: "it is used as it is"}, nil
	}
	return p.differences(d)
}

// differences declares what exists. RabbitMQ names one difference at a time, so
// each is taken over and the rest asked for.
func (p *planner) differences(d planned) (f broker.Finding, err error) {
	for {
		err := apart(p.conn, d.active)
		var a *amqp.Error
		switch {
		case err == nil && f.Differences == nil:
			f.State = broker.Fits
			return f, nil
		case err == nil:
			return f, nil
		case !errors.As(err, &a) || p.conn.IsClosed():
			return f, lost(err)
		case a.Code == amqp.AccessRefused && f.Differences == nil:
			// Who may not declare uses what is there, and so does a flow.
			return broker.Finding{State: broker.Fits, Note: "it is used as it is: this user has no permission to declare it, and so cannot compare it"}, nil
		case a.Code != amqp.PreconditionFailed && a.Code != amqp.ResourceLocked:
			return f, errors.New(explain(err))
		}
		f.State = broker.Conflict
		i, ok := parseInequivalence(a.Reason)
		if a.Code == amqp.ResourceLocked { // it is there for all, and is wanted for one
			i, ok = inequivalence{Difference: broker.Difference{Argument: "exclusive", Wanted: "true", Found: "false"}, found: "false"}, true
		}
		if !ok {
			f.Note = join(f.Note, a.Reason)
			return f, nil
		}
		f.Differences = append(f.Differences, i.Difference)
		if len(f.Differences) > maxDifferences || !d.adopt(i) {
			return f, nil
		}
	}
}

// maxDifferences is more than there are arguments that RabbitMQ compares.
const maxDifferences = 32

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
