package control

import (
	"log/slog"
	"sync"
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

// reading are the commands that change nothing: they are audited at debug level.
var reading = map[string]bool{"status": true, "list": true, "stats": true, "leases": true}

func (s *Server) audit(r *request, reply Reply) {
	rec := Record{V: Version, Time: time.Now(), Instance: s.Instance, From: r.from, Command: reply.Command, Target: reply.Target,
		Args: s.auditable(r.Args), OK: reply.OK, Error: reply.Error}
	level := slog.LevelInfo
	switch {
	case !reply.OK && reply.Error.Code == BadRequest: // the counter has logged it
		level = slog.LevelDebug
	case !reply.OK:
		level = slog.LevelWarn
	case reading[reply.Command]:
		level = slog.LevelDebug
	}
	attrs := []any{slog.String("command", rec.Command), slog.String("target", rec.Target), slog.Any("args", rec.Args),
		slog.String("from", rec.From.On), slog.Bool("ok", rec.OK)}
	if rec.From.User != "" {
		attrs = append(attrs, slog.String("user", rec.From.User))
	}
	if rec.Error != nil {
		attrs = append(attrs, slog.String("error", rec.Error.Error()))
	}
	s.Log.Log(s.ctx, level, "control command", attrs...)
	if level == slog.LevelDebug {
		return
	}
	if p := s.publisher.Load(); p != nil {
		p.put(AuditAddress, rec)
	}
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
		switch v.(type) {
		case map[string]any, []any:
			continue
		}
		kept[clip(name)] = v
	}
	return kept
}

// counter counts what is no command, and logs it now and then.
type counter struct {
	mu     sync.Mutex
	n      int64
	logged time.Time
}

func (c *counter) add(log *slog.Logger, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if time.Since(c.logged) < 10*time.Second {
		return
	}
	c.logged = time.Now()
	log.Warn("control bus: a message is no command", slog.String("why", why.Error()), slog.Int64("so_far", c.n))
}
