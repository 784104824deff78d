package eiptest

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker"
)

// needs says what a broker must be able to do for a test. One that cannot must fail it.
// Every broker passes the others.
var needs = map[string]func(broker.Capabilities) bool{
	"Queue/GivenBackInOrder": func(c broker.Capabilities) bool { return c.GivesBackInOrder },

	"Topic/SubscriptionIsShared": func(c broker.Capabilities) bool { return c.SharedSubscriptions },
	"Topic/Patterns":             func(c broker.Capabilities) bool { return c.Patterns },

	"Reply/ToInbox":           canReply,
	"Reply/NoReturnAddress":   canReply,
	"Reply/SendTo":            canReply,
	"Reply/InboxOfTheProcess": canReply,
	"Reply/SharedInbox":       canReply,
	"Reply/Gone":              func(c broker.Capabilities) bool { return c.RequestReply && c.TellsGone },

	"Call/RoundTrip": func(c broker.Capabilities) bool { return c.Calls },

	"Message/Headers": func(c broker.Capabilities) bool { return c.Headers },

	"Life/Restart":              isDurable,
	"Life/SubscriptionOutlives": isDurable,
	"Life/ManyAfterRestart":     isDurable,

	"Capability/MaxLength":            func(c broker.Capabilities) bool { return c.MaxLength },
	"Capability/TTL":                  func(c broker.Capabilities) bool { return c.TTL },
	"Capability/Expiration":           func(c broker.Capabilities) bool { return c.TTL },
	"Capability/ExpiresInFlow":        func(c broker.Capabilities) bool { return c.TTL },
	"Capability/DeadLetter":           func(c broker.Capabilities) bool { return c.TTL && c.DeadLetter },
	"Capability/AutoDelete":           func(c broker.Capabilities) bool { return c.AutoDelete },
	"Capability/Exclusive":            func(c broker.Capabilities) bool { return c.Exclusive },
	"Capability/Single":               func(c broker.Capabilities) bool { return c.Single },
	"Capability/Select":               func(c broker.Capabilities) bool { return c.Select },
	"Capability/MessageGroups":        func(c broker.Capabilities) bool { return c.MessageGroups },
	"Capability/Existing":             func(c broker.Capabilities) bool { return c.Existing },
	"Capability/RefusesMissing":       func(c broker.Capabilities) bool { return c.Existing && c.RefusesMissing },
	"Capability/TypeOfTopic":          hasExchanges,
	"Capability/BindingKey":           hasExchanges,
	"Capability/SubscriptionAddress":  hasExchanges,
	"Capability/Arguments":            hasExchanges,
	"Capability/Depths":               func(c broker.Capabilities) bool { return c.Depth },
	"Capability/Browse":               canBrowse,
	"Capability/BrowseChangesNothing": canBrowse,
	"Capability/Positions":            func(c broker.Capabilities) bool { return c.Positions },
}

func canReply(c broker.Capabilities) bool     { return c.RequestReply }
func canBrowse(c broker.Capabilities) bool    { return c.Browse }
func isDurable(c broker.Capabilities) bool    { return c.Durable }
func hasExchanges(c broker.Capabilities) bool { return c.Exchanges }

// fails reports whether a test of what the broker cannot do fails, or is not over in time.
func (t *brokerTest) fails(test func(*brokerTest)) bool {
	ctx, cancel := context.WithTimeout(t.ctx, time.Second/2)
	defer cancel()
	a := &attempt{TB: t.TB}
	t.TB, t.ctx = a, ctx
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(t)
	}()
	<-done
	return a.failed.Load()
}

// attempt is a test that should fail.
type attempt struct {
	testing.TB
	failed atomic.Bool
}

func (a *attempt) Error(...any)          { a.failed.Store(true) }
func (a *attempt) Errorf(string, ...any) { a.failed.Store(true) }
func (a *attempt) Fatal(...any)          { a.FailNow() }
func (a *attempt) Fatalf(string, ...any) { a.FailNow() }

func (a *attempt) FailNow() {
	a.failed.Store(true)
	runtime.Goexit()
}
