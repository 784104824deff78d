package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/graph"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// live is the Model of running processes, painted with what they do.
func (g *graphCommand) live(c *cobra.Command) (*graph.Model, error) {
	g.bus.broker = g.loading.broker
	a, err := g.dial(c.Context())
	if err != nil {
		return nil, err
	}
	defer a.Close()
	m, of, err := g.bus.model(c.Context(), a)
	processes := "1 process"
	if of > 1 {
		processes = fmt.Sprintf("%d processes", of)
	}
	g.Note = fmt.Sprintf("%s at %s", processes, time.Now().UTC().Format(time.DateTime+" UTC"))
	return m, err
}

// model is what processes say that they run, put together and painted, and how many they are.
func (b *bus) model(ctx context.Context, a *asked) (m *graph.Model, processes int, err error) {
	var models []*graph.Model
	now := graph.NewMoment()
	refused := ""
	err = b.ask(ctx, a, b.command("graph", "", nil), func(r control.Reply) error {
		if !r.OK {
			refused = r.Instance + ": " + r.Read(nil).Error()
			return nil
		}
		m := &graph.Model{}
		models = append(models, m)
		return r.Read(m)
	})
	switch {
	case err != nil:
		return nil, 0, err
	case models == nil:
		return nil, 0, failure{exitFailed, errors.New(visible.Line(refused))}
	}
	for command, read := range map[string]func(control.Reply) error{
		"list": func(r control.Reply) error {
			var list control.Graph
			err := r.Read(&list)
			for _, f := range list.Flows {
				now.State(f.Name, string(f.State))
			}
			return err
		},
		"status": func(r control.Reply) error {
			var status control.Status
			err := r.Read(&status)
			for _, d := range status.Depths {
				now.Wait(d.Channel, d.Messages)
			}
			return err
		},
		"stats": func(r control.Reply) error {
			var all map[string]control.Stats
			err := r.Read(&all)
			for address, s := range all {
				rate := 0.0
				if s.Rate != nil {
					rate = s.Rate.Received
				}
				now.Count(address, rate, s.InFlight, s.Failed)
			}
			return err
		},
	} {
		if err := b.ask(ctx, a, b.command(command, "", nil), func(r control.Reply) error {
			if !r.OK {
				return nil // it may not be asked: this is not painted
			}
			return read(r)
		}); err != nil {
			return nil, 0, err
		}
	}
	m = graph.Merge(models...)
	now.Paint(m)
	return m, len(models), nil
}
