package control

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

// The attributes of the process itself, which has no address. They are settable as a
// stage's are.
const (
	levelAttribute = "level"
	everyAttribute = "statistics_every"
)

// ownTarget is what set and loglevel are about where they set something of the process.
func ownTarget(s Settable) settableTarget {
	return settableTarget{Stage: Stage{Named: &eip.Named{}, Settable: s}}
}

// logLevel is how much is logged.
type logLevel struct{ *slog.LevelVar }

func (l *logLevel) Settable() map[string]any {
	return map[string]any{levelAttribute: strings.ToLower(l.Level().String())}
}

func (l *logLevel) Set(_ string, value any) error {
	var level slog.Level
	text, ok := value.(string)
	if !ok || level.UnmarshalText([]byte(text)) != nil {
		return fmt.Errorf("set level: %v is not debug, info, warn or error", value)
	}
	l.LevelVar.Set(level)
	return nil
}

// publishing is how often statistics are published.
type publishing struct {
	every   atomic.Int64  // nanoseconds; 0: not at all
	changed chan struct{} // told when every is another
}

// leastEvery is how often statistics are published at most.
const leastEvery = time.Second

// CheckEvery reports what is wrong with a time between statistics.
func CheckEvery(d time.Duration) error {
	if d != 0 && d < leastEvery {
		return fmt.Errorf("%v is less than a second", d)
	}
	return nil
}

func (p *publishing) Settable() map[string]any {
	return map[string]any{everyAttribute: time.Duration(p.every.Load()).String()}
}

func (p *publishing) Set(_ string, value any) error {
	text, ok := value.(string)
	if value == int64(0) {
		text, ok = "0", true
	}
	d, err := time.ParseDuration(text)
	if !ok || err != nil {
		return fmt.Errorf("set %s: %v is no time like 10s, and not 0", everyAttribute, value)
	}
	if err := CheckEvery(d); err != nil {
		return fmt.Errorf("set %s: %w", everyAttribute, err)
	}
	p.every.Store(int64(d))
	select {
	case p.changed <- struct{}{}:
	default: // it is told already
	}
	return nil
}

var _, _ Settable = (*logLevel)(nil), (*publishing)(nil)

// publishStats publishes statistics as often as it is said at the time.
func (s *Server) publishStats(p *publisher) {
	for {
		var next <-chan time.Time
		stop := func() bool { return false }
		if every := time.Duration(s.publishing.every.Load()); every > 0 {
			at, t := s.Clock.NewTimer(every)
			next, stop = at, t.Stop
		}
		select {
		case <-next:
			all, _ := s.statistics("", false, false)
			p.put(StatisticsAddress, Published{Version, s.Instance, s.Clock.Now(), all})
		case <-s.publishing.changed:
			stop()
		case <-s.ctx.Done():
			stop()
			return
		}
	}
}

// setLogLevel is the command loglevel.
func (s *Server) setLogLevel(r *request) (any, error) {
	if s.Level == nil {
		return nil, Errorf(NotAllowed, "the log level of this process cannot be changed")
	}
	lease := r.duration("for", s.MaxLease)
	if r.wrong != nil {
		return nil, r.wrong
	}
	level := ownTarget(&logLevel{s.Level})
	if r.Args["level"] == nil {
		return level.Settable.Settable(), nil
	}
	return s.change(r, level, map[string]any{levelAttribute: r.Args["level"]}, lease)
}
