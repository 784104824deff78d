package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip/flow"
)

// Run runs the flows of files, globs and folders until ctx ends, or SIGINT or SIGTERM
// comes. Then the flows take nothing more, and finish what is in flight within the grace;
// a second signal gives that up. SIGHUP has the files loaded anew, see [Host.Reload]. The
// error says what is wrong with the files, what kept a flow from starting, or what was
// left unsettled.
func Run(ctx context.Context, o Options, files ...string) error {
	load := o.Load
	load.Files = append(load.Files[:len(load.Files):len(load.Files)], files...)
	c, diags := flow.Load(load)
	if diags.HasErrors() {
		var text strings.Builder
		_ = c.WriteDiagnostics(&text, diags, false)
		return fmt.Errorf("load flows:\n%s", text.String())
	}
	h := New(o)
	ctx, hangup, stop := UntilSignal(ctx, h.giveUp)
	defer stop()
	if _, err := h.Start(ctx, c); err != nil {
		if ctx.Err() != nil {
			return nil // it was stopped before it began
		}
		return fmt.Errorf("start flows: %w", err)
	}
	h.ReloadAt(ctx, "SIGHUP", hangup)
	<-ctx.Done()
	return h.Stop()
}
