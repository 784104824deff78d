package flow

import "github.com/eipd/eipd/eip"

// budget is how much memory the unsettled messages of f may take: what the flow says,
// or an equal share of what the process has for all flows.
func (p *Process) budget(f *Flow) eip.Bytes {
	if p.options.Memory == 0 {
		return f.PrefetchBytes
	}
	const part = 3 // the rest is for what is made of messages, and for garbage
	flows, _ := p.config.pick(p.options.Flows)
	n := len(flows)
	if p.options.host != nil {
		n += len(p.options.host.all())
	}
	return min(f.PrefetchBytes, max(p.options.Memory/part/eip.Bytes(n), 1))
}
