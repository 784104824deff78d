package flow

import (
	"net/url"
	"strings"

	"github.com/eipd/eipd/eip"
)

// tracer makes what follows the flow's messages.
func (r *running) tracer() eip.Tracer {
	p := r.process
	if p.options.Tracer == nil {
		return nil
	}
	from := map[string]eip.Place{}
	for _, f := range r.decl.From {
		if f.kind == "adapter" {
			from[f.String()] = adapterPlace(p.config.Adapters[f.name])
			continue
		}
		ch := p.config.Channels[f.String()]
		from[ch.Address] = channelPlace(ch, p.config.brokerOf(ch))
	}
	return discreetTracer{p.options.Tracer(r.decl.Name, from), r}
}

func adapterPlace(a *Adapter) eip.Place {
	return eip.Place{System: a.Kind, Kind: "adapter", Name: a.Name}
}

func channelPlace(ch *Channel, on *Broker) eip.Place {
	p := eip.Place{Kind: ch.kind, Name: ch.Address}
	if u, err := url.Parse(on.URL); err == nil {
		p.System = u.Scheme
	}
	if strings.HasPrefix(p.System, "amqp") {
		p.System = "rabbitmq"
	}
	return p
}
