package control

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// A Record says who told a process to do what, and what came of it.
type Record struct {
	V        int            `json:"v"`
	Time     time.Time      `json:"time"`
	Instance string         `json:"instance"`
	From     Origin         `json:"from"`
	Command  string         `json:"command"`
	Target   string         `json:"target,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
	OK       bool           `json:"ok"`
	Error    *Error         `json:"error,omitempty"`
}

// reads reports whether a command changes nothing: it is audited at debug level.
func (r *request) reads() bool {
	switch r.Command.Command {
	case "status", "list", "leases", "groups", "letters", "jobs":
		return true
	case "stats":
		return !r.flag("reset")
	case "apply", "reload":
		return r.flag("dry_run")
	}
	return false
}

func (s *Server) record(r *request) Record {
	args := s.auditable(r.Args)
	if _, ok := args["key"]; ok && !s.redact.none() && ofGroups(r.Command.Command) {
		args["key"] = redacted // nobody knows what it was made of
	}
	return Record{V: Version, Time: s.Clock.Now(), Instance: s.Instance, From: r.from, Command: clip(r.Command.Command), Target: clip(r.Target), Args: args}
}

func (rec *Record) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("command", rec.Command), slog.String("target", rec.Target), slog.Any("args", rec.Args), slog.String("from", rec.From.On)}
	if rec.From.User != "" {
		attrs = append(attrs, slog.String("user", rec.From.User))
	}
	return attrs
}

// announce makes the record of a command that is about to have an effect, and writes
// it to the log. Where it cannot, the command has none.
func (s *Server) announce(r *request) error {
	rec := s.record(r)
	if _, err := json.Marshal(rec); err != nil {
		return Errorf(Failed, "nothing was done, as there can be no audit record of it: %v", err)
	}
	if err := s.write("control command begins", rec.attrs()...); err != nil {
		return Errorf(Failed, "nothing was done, as the audit record cannot be written: %v", err)
	}
	return nil
}

// write logs a line whatever the level of the log is.
func (s *Server) write(text string, attrs ...slog.Attr) error {
	line := slog.NewRecord(s.Clock.Now(), slog.LevelInfo, text, 0)
	line.AddAttrs(attrs...)
	return s.Log.Handler().Handle(s.ctx, line)
}

// audit tells the log and others what came of a command.
func (s *Server) audit(r *request, reply Reply) {
	rec := s.record(r)
	rec.OK, rec.Error = reply.OK, reply.Error
	level := slog.LevelInfo
	switch {
	case reply.OK && r.reads():
		level = slog.LevelDebug
	case !reply.OK && (reply.Error.Code == BadRequest || r.class() >= vouched && !s.refusals.Allow()):
		s.garbage.Warn(s.Log, "control bus: a message is no command, or was refused", slog.Any("why", reply.Error)) // anybody can send as many as he likes
		level = slog.LevelDebug
	case !reply.OK:
		level = slog.LevelWarn
	}
	attrs := append(rec.attrs(), slog.Bool("ok", rec.OK))
	if rec.Error != nil {
		attrs = append(attrs, slog.String("error", rec.Error.Error()))
	}
	s.Log.LogAttrs(s.ctx, level, "control command", attrs...)
	if level == slog.LevelDebug {
		return
	}
	if p := s.publisher.Load(); p != nil {
		p.put(AuditAddress, rec)
	}
}

// namesIn are the first names in an object, whose values nobody knows to be no secrets
// before they are checked.
func namesIn(v any) []string {
	object, _ := v.(map[string]any)
	names := slices.Sorted(maps.Keys(object))
	names = names[:min(len(names), 16)]
	for i, n := range names {
		names[i] = clip(n)
	}
	return names
}

// auditable leaves out what is long, and what may be confidential: a message's body
// and headers.
func (s *Server) auditable(args map[string]any) map[string]any {
	kept := map[string]any{}
	for name, v := range args {
		if name == "body" || name == "headers" || len(kept) == 16 {
			continue
		}
		if text, ok := v.(string); ok {
			v = s.Hide(clip(text))
		}
		if name == "vars" {
			v = namesIn(v)
		}
		switch v.(type) {
		case map[string]any, []any:
			continue
		}
		kept[clip(name)] = v
	}
	return kept
}
