package control

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// Options say what a Server is to do. Process and Instance are required.
type Options struct {
	Process  Process
	Instance string   // this process' name
	Labels   []string // by which commands may choose it
	Version  string   // of the program, for status
	Log      *slog.Logger
	Level    *slog.LevelVar // what loglevel changes; nil: it cannot be changed
	DataDir  string         // where purge saves messages; "": it cannot
	// Secret is what commands from a topic are signed with; "": they are not.
	Secret string
	// AllowTopic and AllowSocket list the commands that may come by each way; nil:
	// all.
	AllowTopic, AllowSocket []string
	// StatisticsEvery is how often statistics are published at first; 0: they are not.
	StatisticsEvery time.Duration
	// Remember keeps what is set in DataDir, over restarts.
	Remember bool
	// Redact are paths, like body.card and headers.authorization, of what leaves the
	// process in no copy or report of a message. CheckRedaction has found them well.
	Redact []string
	// ReplyTo are patterns of addresses that replies may go to besides inboxes; `*`
	// stands for any letters.
	ReplyTo []string
	// Timeout is how long a command may take at most; 0: DefaultTimeout.
	Timeout time.Duration
	// MaxLease is how long a lease may be at most; 0: DefaultMaxLease.
	MaxLease time.Duration
	// Hide hides secrets in what is answered and audited; nil: there are none.
	Hide func(text string) string
	// Compile compiles tap's "if"; nil: it takes none.
	Compile func(source string) (eip.Predicate, error)
	// Begun is closed when the flows run. Commands from a topic wait for it in their
	// subscription, and so do those from the socket that are not done at once. nil: they
	// need not.
	Begun <-chan struct{}
	// NoRates: the counts of the last seconds are not kept, so that nothing happens while
	// nothing happens.
	NoRates bool
	// Clock is what leases, taps, statistics and what waits for flows go by; networks and
	// signatures have the system's.
	Clock eip.Clock
}

// What Options have where they say nothing.
const (
	DefaultTimeout  = 5 * time.Minute
	DefaultMaxLease = 24 * time.Hour
)

// A Server carries out commands.
type Server struct {
	Options
	started  time.Time
	settings settings
	stats    statistics
	replays  replays
	places   [hows][classes]places
	inside   places // messages that were put into flows and channels, by these
	turns    turns
	lines    [classes]*line // of those that must wait for their turn
	refusals *rate.Limiter  // that are in the log one by one
	garbage  rarely.Log     // those that are not, and messages that are no command
	dropped  rarely.Log     // commands that were too many
	nowhere  rarely.Log     // replies to what is no inbox
	probes   probes
	fleet    fleet
	untold   chan news
	telling  atomic.Bool // there is a topic to tell news on
	taps     taps
	jobs     *deadletter.Jobs
	archived deadletter.Archive
	chain    deadletter.Chain // of audit records about dead letters
	redact   redaction

	publisher  atomic.Pointer[publisher]
	publishing publishing

	mu        sync.Mutex
	listening []*Listening
	draining  bool

	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup
}

// NewServer returns a Server that works until Close.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hide == nil {
		o.Hide = func(text string) string { return text }
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxLease == 0 {
		o.MaxLease = DefaultMaxLease
	}
	s := &Server{Options: o, started: time.Now(), refusals: rate.NewLimiter(1, 100), untold: make(chan news, newsBacklog)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.redact, _ = parseRedaction(o.Redact)
	s.probes = probes{clock: o.Clock, under: map[string]*probe{}, redact: &s.redact, tell: s.tell}
	s.settings = settings{clock: o.Clock, set: map[key]*setting{}, expired: s.leaseEnded}
	s.stats, s.fleet.told, s.taps.at = newStatistics(o.Clock), map[string]bool{}, map[string][]*tap{}
	s.replays.seen, s.turns.last = map[string]time.Time{}, map[string]chan struct{}{}
	s.publishing.changed = make(chan struct{}, 1)
	s.publishing.every.Store(int64(o.StatisticsEvery))
	if o.Remember {
		s.remember()
	}
	s.jobs, s.archived, s.chain.Dir = s.newJobs(), s.newArchive(), o.DataDir
	o.Process.Trace(s.probes.step)
	for _, c := range []class{vouched, anybody} {
		s.lines[c] = newLine()
		s.busy.Go(func() { s.lines[c].run(s.ctx) })
	}
	if !o.NoRates {
		s.busy.Go(func() { s.stats.sample(s.ctx, s.Process) })
	}
	return s
}

// Close ends what is under way.
func (s *Server) Close() {
	s.cancel()
	s.settings.close()
	s.jobs.Close()
	if err := s.chain.Close(); err != nil {
		s.Log.Warn("the audit file was not closed well", slog.Any("error", err))
	}
	s.busy.Wait()
}

// Discreet returns the error that a message failed with, without what Redact names.
func (s *Server) Discreet(m *eip.Message, err error) error { return s.redact.error(m, err) }

// Listen notes a way by which commands come, for status; the state may change.
func (s *Server) listen(on, at string) *Listening {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listening {
		if l.On == on && l.At == at { // it is tried again
			return l
		}
	}
	l := &Listening{On: on, At: at, State: "opening"}
	s.listening = append(s.listening, l)
	return l
}

// starting reports whether the flows do not run yet.
func (s *Server) starting() bool {
	select {
	case <-s.Begun:
		return false
	default:
		return s.Begun != nil
	}
}

func (s *Server) set(l *Listening, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.State = state
}

func (s *Server) leaseEnded(address, attribute string, value any, err error) {
	if err != nil {
		s.Log.Error("lease ended, and the old value was refused", slog.String("stage", address), slog.String("attribute", attribute), slog.Any("value", value), slog.Any("error", err))
		return
	}
	s.Log.Info("lease ended", slog.String("stage", address), slog.String("attribute", attribute), slog.Any("value", value))
}
