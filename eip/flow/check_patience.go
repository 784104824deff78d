package flow

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// consumerTimeout is how long RabbitMQ waits for a message to be settled, where nobody
// has set its option of that name.
const consumerTimeout = 30 * time.Minute

// holder is a stage that holds messages unsettled until there are some of them: as many as
// the option says.
type holder interface {
	Holds() (option string, messages int)
}

// checkHeld warns where stages wait for more messages than the flow takes.
func (d *decoder) checkHeld(f *Flow) {
	for n, s := range eip.Walk(f.Stages()) {
		h, ok := s.(holder)
		if !ok {
			continue
		}
		if option, most := h.Holds(); most > f.Prefetch {
			d.diags = append(d.diags, warning(f.Range, "It waits for more than there is",
				"With the %q of %s, it goes on before its time when it has %d messages, and the flow takes no more than its prefetch, %d, before some are settled. Set prefetch to more, or %q to less.", option, n.Address, most, f.Prefetch, option))
		}
	}
}

// checkPatience warns of what may take longer than RabbitMQ waits.
func (d *decoder) checkPatience(f *Flow) {
	limit := time.Duration(0)
	for _, from := range f.From {
		ch := d.config.Channels[from.String()]
		if ch == nil || !strings.HasPrefix(d.config.BrokerOf(ch).URL, "amqp") {
			continue
		}
		limit = consumerTimeout
		if ms, err := strconv.Atoi(fmt.Sprint(ch.Arguments["x-consumer-timeout"])); err == nil {
			limit = time.Duration(ms) * time.Millisecond
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
		if v := reflect.Indirect(reflect.ValueOf(s)); v.Kind() == reflect.Struct {
			t := v.FieldByName("Timeout")
			if t.IsValid() && t.Type() == reflect.TypeFor[time.Duration]() {
				warn("The timeout of "+n.Address, time.Duration(t.Int()))
			}
			if _, holds := s.(holder); holds && t.IsValid() {
				if t, ok := t.Addr().Interface().(*eip.Live[time.Duration]); ok {
					warn("The timeout of "+n.Address, t.Load())
				}
			}
		}
	}
	if f.Service != nil {
		warn(fmt.Sprintf("The timeout of the service %q", f.Name), f.Service.Timeout)
	}
	sum, wait := time.Duration(0), f.Retry.Delay
	for range min(f.Retry.Attempts-1, 10_000) {
		sum += min(wait, f.Retry.MaxDelay)
		wait = min(2*wait, f.Retry.MaxDelay)
	}
	warn("The waiting times of its retry, together,", sum)
}
