package control

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
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
	*Did
}

// Did is what a command has done to dead letters, or that it has shown their bodies. The
// record of such a command is in the audit file too.
type Did struct {
	Letters int      `json:"letters"`
	IDs     []string `json:"ids,omitempty"` // of the first of them
	// IDsHash is, where there are more, the SHA-256 of all ids, a line each.
	IDsHash string   `json:"ids_sha256,omitempty"`
	Changed []string `json:"changed,omitempty"` // paths of an edit
	Before  string   `json:"before,omitempty"`  // the SHA-256 of what was edited
	After   string   `json:"after,omitempty"`
	Outcome string   `json:"outcome,omitempty"`
}

const mostAuditedIDs = 1000

// bounded is what of it goes into a record.
func (d *Did) bounded() *Did {
	if d == nil || len(d.IDs) <= mostAuditedIDs {
		return d
	}
	short := *d
	sum := sha256.Sum256([]byte(strings.Join(d.IDs, "\n")))
	short.IDs, short.IDsHash = d.IDs[:mostAuditedIDs], hex.EncodeToString(sum[:])
	return &short
}

// aboutLetters reports whether a command changes dead letters, or shows their bodies.
func (r *request) aboutLetters() bool {
	switch r.Command.Command {
	case "letters_body", "letters_edit", "letters_discard", "letters_restore", "job", "replay":
		return true
	}
	return false
}

// reads reports whether a command changes nothing: it is audited at debug level.
func (r *request) reads() bool {
	switch r.Command.Command {
	case "status", "list", "graph", "leases", "groups", "letters", "letters_archive", "jobs":
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
	if r.aboutLetters() && s.DataDir != "" {
		if err := s.chain.Ready(); err != nil {
			return Errorf(Failed, "nothing was done, as the audit file cannot be written: %v", err)
		}
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
	rec.OK, rec.Error, rec.Did = reply.OK, reply.Error, r.did.bounded()
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
	if r.aboutLetters() && s.DataDir != "" && (reply.OK || r.did != nil) {
		if err := s.chain.Append(rec); err != nil {
			s.Log.Error("an audit record is missing in the audit file", slog.String("command", rec.Command), slog.Any("error", err))
		}
	}
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

// unaudited are arguments that hold a message, or parts of it.
var unaudited = []string{"body", "body_base64", "headers", "letter", "set"}

// auditable leaves out what is long, and what may be confidential: a message's body
// and headers.
func (s *Server) auditable(args map[string]any) map[string]any {
	kept := map[string]any{}
	for name, v := range args {
		if slices.Contains(unaudited, name) || len(kept) == 16 {
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
