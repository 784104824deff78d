package host

import (
	"net/url"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
)

// tracer makes what follows the flow's messages.
func (r *flowRun) tracer() eip.Tracer {
	tracer := r.unit.host.options.Tracer
	if tracer == nil {
		return nil
	}
	from := map[string]eip.Place{}
	for _, f := range r.decl.From {
		if f.Kind == "adapter" {
			from[f.String()] = adapterPlace(r.config.Adapters[f.Name])
			continue
		}
		ch := r.config.Channels[f.String()]
		from[ch.Address] = channelPlace(ch, r.config.BrokerOf(ch))
	}
	return tracer(r.decl.Name, from)
}

func adapterPlace(a *flow.Adapter) eip.Place {
	return eip.Place{System: a.Kind, Kind: "adapter", Name: a.Name}
}

func channelPlace(ch *flow.Channel, on *flow.Broker) eip.Place {
	p := eip.Place{Kind: ch.Kind, Name: ch.Address}
	if u, err := url.Parse(on.URL); err == nil {
		p.System = u.Scheme
	}
	if strings.HasPrefix(p.System, "amqp") {
		p.System = "rabbitmq"
	}
	return p
}
