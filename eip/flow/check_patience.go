package flow

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
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

// A splitter is a stage of which each message becomes many, so many at a time in all, and is
// unsettled as long as one of them is.
type splitter interface{ Splits() (atATime int) }

// A gatherer is a holder that makes one message of so many, which are unsettled with it.
type gatherer interface{ Gathers() (most int) }

// A sorter is a holder that waits for certain messages, and lets others pass.
type sorter interface{ Sorts() }

// room is how many messages may be unsettled in a stage at a time.
type room struct {
	messages, each int    // each that comes stands for so many
	why, mend      string // mend has a place for how many it should be
	split          *room  // of parts of these; nil: they are no parts
}

// behind is the room of what is behind a stage.
func (r room) behind(address string, s eip.Stage) room {
	under := func(n int, mend string) room {
		return room{n, 1, fmt.Sprintf("%s has %d under way at a time", address, n), mend, nil}
	}
	switch s := s.(type) {
	case absorber:
		return under(store.MostUnderway, "Let it hold fewer, or put a queue between the two: %d are too many.")
	case splitter:
		parts := under(s.Splits(), "Give that an in_flight of at least %d.")
		r.split = &parts
	case gatherer:
		r.each *= max(s.Gathers(), 1)
	}
	return r
}

// isTooSmall says why a stage is never full in a room; "": it may be.
func (r room) isTooSmall(h holder) string {
	if r.split != nil {
		if why := r.split.isTooSmall(h); why != "" {
			return why
		}
		if _, sorts := h.(sorter); !sorts {
			return ""
		}
		// One part of each that waits for what is missing keeps the whole unsettled.
	}
	most, wait := h.Holds()
	if most <= r.messages/r.each {
		return ""
	}
	as := ""
	if r.each > 1 {
		as = fmt.Sprintf(", made of %d others each", r.each)
	}
	return fmt.Sprintf("is full with %d messages%s, and %s: when all of these wait in it, nothing more comes until %v have passed. ", most, as, r.why, wait) + fmt.Sprintf(r.mend, most*r.each)
}

// checkWindow warns of stages in which more messages are to wait than may be unsettled: those
// that it would need to go on do not come then.
func (d *decoder) checkWindow(f *Flow) {
	takes, mend := f.Claim().Prefetch, "Give the flow a prefetch of at least %d."
	if takes < f.Prefetch {
		mend = "Give its poll a batch of at least %d."
	}
	// behind the last stage so far of a body, by its address
	rooms := map[string]room{"": {takes, 1, fmt.Sprintf("the flow %q takes %d at a time", f.Name, takes), mend, nil}}
	for n, s := range eip.Walk(f.Stages()) {
		body := outerOf(n.Address)
		at := body
		for _, found := rooms[at]; !found && at != ""; _, found = rooms[at] {
			at = outerOf(at)
		}
		r := rooms[at]
		if h, ok := s.(holder); ok {
			if why := r.isTooSmall(h); why != "" {
				d.diags = append(d.diags, warning(f.Range, "It is never full", "%s %s", n.Address, why))
			}
		}
		rooms[body] = r.behind(n.Address, s)
	}
}

// outerOf is the address of the body that something is in.
func outerOf(address string) string { return address[:max(strings.LastIndexByte(address, '.'), 0)] }

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
