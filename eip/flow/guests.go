package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/internal/regular"
)

// guests are the processes that the control bus made of further files. They use
// their host's default broker.
type guests struct {
	turn turn // of who applies or removes one
	mu   sync.Mutex
	file map[string]*Process
	over bool // the host stops
}

func (g *guests) all() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*Process
	for _, name := range slices.Sorted(maps.Keys(g.file)) {
		all = append(all, g.file[name])
	}
	return all
}

func (g *guests) of(file string) *Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.file[file]
}

// put enters a process; it returns false where the host has begun to stop.
func (g *guests) put(file string, p *Process) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false
	}
	if g.file == nil {
		g.file = map[string]*Process{}
	}
	if g.file[file] = p; p == nil {
		delete(g.file, file)
	}
	return true
}

// stop ends them all.
func (g *guests) stop() (err error) {
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	_ = g.turn.take(context.Background())
	defer g.turn.end()
	for _, p := range g.all() {
		err = errors.Join(err, p.Stop())
	}
	return err
}

// withGuests is p, and the processes of the files that were applied to it.
func (p *Process) withGuests() []*Process { return append([]*Process{p}, p.guests.all()...) }

// all returns the flows of the process and its guests.
func (p *Process) all() []*running {
	flows := p.flows
	for _, g := range p.guests.all() {
		flows = append(flows[:len(flows):len(flows)], g.flows...)
	}
	return flows
}

func (p *Process) root() *Process {
	if p.options.host != nil {
		return p.options.host
	}
	return p
}

// secret is the control bus', if it has one.
func (p *Process) secret() string {
	if block := p.root().config.control; block != nil {
		return block.Secret
	}
	return ""
}

// shared returns whose broker b is: of a guest's default broker, the host's.
func (p *Process) shared(b *Broker) (*Process, *Broker) {
	host := p.options.host
	if host == nil {
		return nil, nil
	}
	main := host.config.Brokers[""]
	if b.URL != main.URL {
		return nil, nil
	}
	return host, main
}

var flowFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.hcl(\.json)?$`)

// Apply runs the flows of a file in the folder for it. A file that was applied
// before is read again: its flows make room for those that are in it now, once
// these are found well.
func (p *Process) Apply(ctx context.Context, file string) ([]string, error) {
	if err := p.guests.turn.take(ctx); err != nil {
		return nil, err
	}
	defer p.guests.turn.end()
	source, err := p.flowFile(file)
	if err != nil {
		return nil, err
	}
	o := p.config.options
	o.Files, o.NoFiles, o.source, o.secrets = []string{filepath.Join(p.options.FlowsDir, file)}, false, source, p.config.secrets
	c, diags := Load(o)
	if diags.HasErrors() {
		return nil, firstError(diags)
	}
	if err := p.clash(file, c); err != nil {
		return nil, err
	}
	was := p.guests.of(file)
	if was != nil {
		p.guests.put(file, nil)
		if err := was.Stop(); err != nil {
			p.log.Warn("flows made room for others with messages unsettled; they will be delivered again", slog.String("file", file), slog.Any("error", err))
		}
	}
	run := p.options
	run.Flows, run.host = nil, p
	now, err := c.Start(ctx, run)
	if err != nil && was != nil {
		if again, failed := was.config.Start(ctx, run); failed == nil {
			p.keepGuest(file, again)
			return nil, fmt.Errorf("start %s: %w; its flows run as they were", file, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", file, err)
	}
	p.keepGuest(file, now)
	p.log.Info("flow file applied", slog.String("file", file), slog.Any("flows", c.FlowNames()))
	return c.FlowNames(), nil
}

func (p *Process) keepGuest(file string, g *Process) {
	if !p.guests.put(file, g) {
		_ = g.Stop() // the host stops, and says what is unsettled
	}
}

// Remove stops the flows of a file that was applied.
func (p *Process) Remove(ctx context.Context, file string) ([]string, error) {
	if err := p.guests.turn.take(ctx); err != nil {
		return nil, err
	}
	defer p.guests.turn.end()
	g := p.guests.of(file)
	if g == nil {
		var names []string
		for _, g := range p.guests.all() {
			names = append(names, g.config.options.Files...)
		}
		for i, n := range names {
			names[i] = filepath.Base(n)
		}
		return nil, fmt.Errorf("%s was not applied.%s", file, didYouMean(file, names, "%s"))
	}
	p.guests.put(file, nil)
	err := g.Stop()
	p.log.Info("flow file removed", slog.String("file", file))
	return g.config.FlowNames(), err
}

// flowFile reads a file that may be applied: one in the folder itself, whatever its
// name says, and wherever a link there leads.
func (p *Process) flowFile(file string) ([]byte, error) {
	dir := p.options.FlowsDir
	if dir == "" {
		return nil, errors.New("this process has no folder of flows to apply; it is started with --flows-dir")
	}
	if !flowFileName.MatchString(file) || strings.Contains(file, "..") {
		return nil, fmt.Errorf("%q is no name of a flow file, like orders.hcl", file)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := regular.In(root, file, os.O_RDONLY, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no flow file %s", file)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	return regular.ReadAll(f, syntax.MaxFile)
}

// clash refuses a file whose flows have names that others have.
func (p *Process) clash(file string, c *Config) error {
	was := p.guests.of(file)
	for _, r := range p.all() {
		if was != nil && r.process == was {
			continue
		}
		if slices.Contains(c.FlowNames(), r.decl.Name) {
			return fmt.Errorf("there is a flow %s already, of another file", r.decl.Name)
		}
	}
	return nil
}

// firstError is what is wrong with a file, in one line.
func firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		if d.Subject == nil {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
		return fmt.Errorf("%s:%d:%d: %s: %s", filepath.Base(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column, d.Summary, d.Detail)
	}
	return diags
}
