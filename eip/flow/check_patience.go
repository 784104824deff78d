package flow

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// consumerTimeout is how long RabbitMQ waits for a message to be settled, where nobody
// has set its option of that name.
const consumerTimeout = 30 * time.Minute

// checkPatience warns of what may take longer than RabbitMQ waits.
func (d *decoder) checkPatience(f *Flow) {
	limit := time.Duration(0)
	for _, from := range f.From {
		ch := d.config.Channels[from.String()]
		if ch == nil || !strings.HasPrefix(d.config.BrokerOf(ch).URL, "amqp") {
			continue
		}
		limit = consumerTimeout
		if own := milliseconds(ch.Arguments["x-consumer-timeout"]); own > 0 {
			limit = own
		}
	}
	if limit == 0 {
		return
	}
	warn := func(option string, takes time.Duration) {
		if takes > limit {
			d.diags = append(d.diags, warning(f.Range, "Messages may be taken back",
				"%s may take %v, and RabbitMQ delivers anew what is not settled within %v. The work on it goes on here, but another process may begin it too. Set the queue's argument x-consumer-timeout, or RabbitMQ's consumer_timeout, to more.", option, takes, limit))
		}
	}
	for n, s := range eip.Walk(f.Stages()) {
		if _, ok := s.(absorber); ok {
			break // what follows it are other messages than the broker's
		}
		switch h, holds := s.(holder); {
		case holds:
			_, wait := h.Holds()
			warn("Waiting in "+n.Address, wait)
		default:
			if v := reflect.Indirect(reflect.ValueOf(s)); v.Kind() == reflect.Struct {
				if t := v.FieldByName("Timeout"); t.IsValid() && t.Type() == reflect.TypeFor[time.Duration]() {
					warn("The timeout of "+n.Address, time.Duration(t.Int()))
				}
			}
		}
	}
	if f.Service != nil {
		warn(fmt.Sprintf("The timeout of the service %q", f.Name), f.Service.Timeout)
	}
	warn("The waiting times of its retry, together,", f.waits())
}

// waits is how long a message waits between its attempts at most, all together.
func (f *Flow) waits() (sum time.Duration) {
	wait := f.Retry.Delay
	for range min(f.Retry.Attempts-1, 10_000) {
		sum += min(wait, f.Retry.MaxDelay)
		wait = min(2*wait, f.Retry.MaxDelay)
	}
	return sum
}

// A holder is a stage in which messages wait unsettled for others.
type holder interface {
	// Holds is how many must be unsettled for it to be full, and how long each waits at most.
	Holds() (messages int, wait time.Duration)
}

// An absorber is a stage that settles what it gets, and what goes on is made by it.
type absorber interface{ Absorbs() }

// A splitter is a stage of which each message becomes many.
type splitter interface{ Splits() }

// checkWindow warns of stages in which more messages are to wait than the flow takes.
func (d *decoder) checkWindow(f *Flow) {
	takes, option := f.Claim().Prefetch, "the flow a prefetch"
	if takes < f.Prefetch {
		option = "its poll a batch"
	}
	for n, s := range eip.Walk(f.Stages()) {
		switch s := s.(type) {
		case absorber, splitter:
			return // behind it are other messages
		case holder:
			if most, wait := s.Holds(); most > takes {
				d.diags = append(d.diags, warning(f.Range, "It is never full",
					"%s is full with %d messages, and the flow %q takes %d at a time: when all of these wait in it, nothing more comes until %v have passed. Give %s of at least %d.", n.Address, most, f.Name, takes, wait, option, most))
			}
		}
	}
}

// A forgetter is a stage that knows for some time what it has seen.
type forgetter interface{ Remembers() time.Duration }

// checkRemembered warns of stages that forget a message which may still come again.
func (d *decoder) checkRemembered(f *Flow) {
	for n, s := range eip.Walk(f.Stages()) {
		r, ok := s.(forgetter)
		if !ok {
			continue
		}
		warn := func(what string, lasts time.Duration) {
			if remember := r.Remembers(); remember < lasts {
				d.diags = append(d.diags, warning(f.Range, "It forgets too early",
					"%s remembers messages for %v, and %s. One that comes again after that is taken for new. Set remember to more.", n.Address, remember, what))
			}
		}
		warn(fmt.Sprintf("what fails may be tried again for %v", f.waits()), f.waits())
		for _, ch := range d.deadLettersOf(f) {
			if ttl := ch.lasts(); ttl > 0 {
				warn(fmt.Sprintf("what the flow gives up may be replayed from %s for %v", ch, ttl), ttl)
			}
		}
	}
}

// deadLettersOf are the declared channels in which there is what a flow gives up.
func (d *decoder) deadLettersOf(f *Flow) (all []*Channel) {
	for _, e := range f.Endpoints {
		if ch := d.config.Channels[e.String()]; ch != nil && f.IsLastResort(e.Ref) {
			all = append(all, ch)
		}
	}
	for _, from := range f.From {
		if ch := d.config.Channels[from.String()]; ch != nil {
			if dead := d.config.DeadLetterOf(ch); dead != nil && !slices.Contains(all, dead) {
				all = append(all, dead)
			}
		}
	}
	return all
}

// lasts is how long a message waits in a channel at most; 0: for ever.
func (ch *Channel) lasts() time.Duration {
	if ch.TTL > 0 {
		return ch.TTL
	}
	return milliseconds(ch.Arguments["x-message-ttl"])
}

// milliseconds is the time that an argument of RabbitMQ's says; 0: none.
func milliseconds(argument any) time.Duration {
	ms, err := strconv.Atoi(fmt.Sprint(argument))
	if err != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}
