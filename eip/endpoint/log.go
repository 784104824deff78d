package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

func init() { eip.Stages.Add("log", func() eip.Stage { return NewLog() }) }

// Log writes a structured log line for each message, and passes it on unchanged.
type Log struct {
	// Level of the line. Where the process does not log this level, the message's
	// text is not even computed.
	Level Level `flow:"level"`
	// Message computes the text: what is no text is written as JSON, and what is
	// longer than 16 KiB is cut. Without it, the line says that a message passed, how
	// large it is and where it came from.
	Message eip.Value `flow:"message"`

	log *slog.Logger
}

// Level says how much a log line matters.
type Level string

// The levels.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

var levels = map[Level]slog.Level{
	LevelDebug: slog.LevelDebug, LevelInfo: slog.LevelInfo, LevelWarn: slog.LevelWarn, LevelError: slog.LevelError,
}

// Options returns the levels.
func (Level) Options() []string {
	return []string{string(LevelDebug), string(LevelInfo), string(LevelWarn), string(LevelError)}
}

// NewLog returns a Log of level info.
func NewLog() *Log { return &Log{Level: LevelInfo, log: slog.Default()} }

// Validate checks the level.
func (l *Log) Validate() error {
	if _, ok := levels[l.Level]; !ok {
		return eip.OptionErrorf("level", "%q is no level; it is one of %s", l.Level, strings.Join(l.Level.Options(), ", "))
	}
	return nil
}

// Open takes the flow's log. Lines have the stage's address.
func (l *Log) Open(_ context.Context, env *eip.Env) error {
	l.log = env.Log.With(slog.String("stage", env.Address))
	return nil
}

// Process writes the line, and passes m on.
func (l *Log) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	level := levels[l.Level]
	if !l.log.Enabled(ctx, level) {
		return next.Handle(ctx, m)
	}
	if l.Message == nil {
		l.log.LogAttrs(ctx, level, "message passed", slog.String("message_id", m.ID), slog.String("channel", m.Channel),
			slog.String("content_type", m.ContentType), slog.Int("bytes", len(m.Body())))
		return next.Handle(ctx, m)
	}
	v, err := l.Message(ctx, m)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	text, _, err := content.Encode(v)
	if err != nil {
		return fmt.Errorf("message: %w", eip.Invalid(err))
	}
	l.log.LogAttrs(ctx, level, cut(text), slog.String("message_id", m.ID))
	return next.Handle(ctx, m)
}

// cut bounds a text, and makes it valid UTF-8.
func cut(text []byte) string {
	const most = 16 << 10
	if len(text) <= most {
		return strings.ToValidUTF8(string(text), "�")
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "…"
}
