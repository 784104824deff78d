package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// tell adds to the digest of the block that is decoded.
func (d *decoder) tell(what ...any) {
	if d.said != nil {
		fmt.Fprintf(d.said, "%#v\n", what)
	}
}

// told returns the digest, and ends it.
func (d *decoder) told() []byte {
	defer func() { d.said = nil }()
	return d.said.Sum(nil)
}

func names(b *syntax.Block) (all []string) {
	for _, l := range b.Labels {
		all = append(all, l.Name)
	}
	return all
}

// Fingerprint is a digest of all that one of the Config's flows is made of: its options
// and stages as they are evaluated, and the channels, adapters and brokers that it
// uses. Flows with equal fingerprints do the same. What is written in another order is
// taken for different.
func (c *Config) Fingerprint(f *Flow) string {
	w := sha256.New()
	w.Write(f.said)
	seen := map[Ref]bool{}
	for _, r := range f.Refs() {
		c.describe(w, r, seen)
	}
	describeBroker(w, c.SourceBroker(f))
	c.describeStores(w, f)
	return hex.EncodeToString(w.Sum(nil))
}

// describe writes down a channel or adapter, once.
func (c *Config) describe(w io.Writer, of Ref, seen map[Ref]bool) {
	if seen[of] {
		return
	}
	seen[of] = true
	if a := c.adapterOf(of); a != nil {
		fmt.Fprintf(w, "%v %s %x\n", of, a.Kind, a.said)
		return
	}
	ch := c.Channels[of.String()]
	spec := c.Spec(ch)
	spec.GroupBy = nil // its text is in what the block says
	fmt.Fprintf(w, "%v %+v %x\n", of, spec, ch.said)
	describeBroker(w, c.BrokerOf(ch))
	if dead := c.DeadLetterOf(ch); dead != nil {
		c.describe(w, dead.Ref, seen)
	}
}

func describeBroker(w io.Writer, b *Broker) {
	fmt.Fprintf(w, "%q %q %q %q %v\n", b.Name, b.URL, b.URLs, b.QueueType, b.Reconnect)
	if b.TLS != nil {
		fmt.Fprintf(w, "%+v\n", *b.TLS)
	}
}
