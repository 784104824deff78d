package secret

import (
	"context"
	"fmt"
	"log/slog"
)

// Error returns an error that says the same without what must not be said; err
// itself, where it says nothing of that kind.
func (s *Set) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if hidden := s.Hide(text); hidden != text {
		return discreet{hidden, err}
	}
	return err
}

type discreet struct {
	text string
	err  error
}

func (d discreet) Error() string { return d.text }
func (d discreet) Unwrap() error { return d.err }

// Log returns a log of which every line passes the Set.
func (s *Set) Log(log *slog.Logger) *slog.Logger {
	if h, ok := log.Handler().(*handler); ok && h.secrets == s {
		return log
	}
	return slog.New(&handler{log.Handler(), s})
}

type handler struct {
	slog.Handler
	secrets *Set
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	hidden := slog.NewRecord(r.Time, r.Level, h.secrets.Hide(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, hidden)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(h.all(attrs)), h.secrets}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.secrets}
}

func (h *handler) all(attrs []slog.Attr) []slog.Attr {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = h.attr(a)
	}
	return hidden
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	switch a.Value = a.Value.Resolve(); a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.secrets.Hide(a.Value.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(h.all(a.Value.Group())...)
	case slog.KindAny:
		text := fmt.Sprintf("%+v", a.Value.Any())
		if b, ok := a.Value.Any().([]byte); ok {
			text = string(b)
		}
		if hidden := h.secrets.Hide(text); hidden != text {
			a.Value = slog.StringValue(hidden)
		}
	}
	return a
}
