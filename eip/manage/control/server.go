package control

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

// Options say what a Server is to do. Process and Instance are required.
type Options struct {
	Process  Process
	Instance string // this process' name
	Version  string // of the program, for status
	Log      *slog.Logger
	Level    *slog.LevelVar // what loglevel changes; nil: it cannot be changed
	DataDir  string         // where purge saves messages; "": it cannot
	// Secret is what commands from a topic are signed with; "": they are not.
	Secret string
	// AllowTopic and AllowSocket list the commands that may come by each way; nil:
	// all.
	AllowTopic, AllowSocket []string
	// Remember keeps what is set in DataDir, over restarts.
	Remember bool
	// Redact are paths, like body.card and headers.authorization, of what leaves the
	// process in no copy or report of a message. CheckRedaction has found them well.
	Redact []string
	// Begun is closed when there is something to give commands to. Those from a topic
	// wait for it in their subscription. nil: they need not.
	Begun <-chan struct{}
}

// A Server carries out commands.
type Server struct {
	Options
	started  time.Time
	settings settings
	stats    statistics
	replays  replays
	limit    limiter
	garbage  counter // messages that are no command
	probes   probes
	untold   chan news
	telling  atomic.Bool // there is a topic to tell news on
	taps     taps
	tapping  atomic.Int32
	redact   redaction

	publisher atomic.Pointer[publisher]

	mu        sync.Mutex
	listening []*Listening
	draining  bool

	ctx    context.Context
	cancel context.CancelFunc
	orders chan func() // stop, start and drain, one after the other
	slow   chan struct{}
	busy   sync.WaitGroup
}

// NewServer returns a Server that works until Close.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Options: o, started: time.Now(), orders: make(chan func(), 100), slow: make(chan struct{}, 32), untold: make(chan news, newsBacklog)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.redact, _ = parseRedaction(o.Redact)
	s.probes.redact, s.probes.tell = &s.redact, s.tell
	s.settings.expired = s.leaseEnded
	s.limit.begin(perSecond, burst)
	if o.Remember {
		s.remember()
	}
	o.Process.Trace(s.probes.step)
	s.busy.Go(s.work)
	s.busy.Go(func() { s.stats.sample(s.ctx, s.Process) })
	return s
}

// Close ends what is under way.
func (s *Server) Close() {
	s.cancel()
	s.settings.close()
	s.busy.Wait()
}

// work carries out what takes its time and must be in order.
func (s *Server) work() {
	for {
		select {
		case f := <-s.orders:
			f()
		case <-s.ctx.Done():
			return
		}
	}
}

// Origin is where a command came from.
type Origin struct {
	On   string `json:"on"` // "socket" or "topic"
	User string `json:"user,omitempty"`
}

// A request is a command that is being carried out.
type request struct {
	*Command
	from    Origin
	respond func(Reply) bool // false: the asker is gone
}

// handle carries out the command in data, and responds: perhaps later and from
// another goroutine. It returns false where another instance is meant, which
// responds.
func (s *Server) handle(data []byte, from Origin, respond func(Reply) bool) bool {
	c, err := DecodeCommand(data)
	r := &request{c, from, respond}
	if err != nil {
		s.garbage.add(s.Log, err)
		s.answer(r, nil, err)
		return true
	}
	if !c.For(s.Instance) {
		return false
	}
	if c.Command == newsCommand {
		if err := s.hearNews(r); err != nil {
			s.answer(r, nil, err)
		}
		return true
	}
	if err := s.admit(r); err != nil {
		s.answer(r, nil, err)
		return true
	}
	k := commands[c.Command]
	if k.how == atOnce {
		result, err := s.run(k, r)
		s.answer(r, result, err)
		return true
	}
	s.later(k, r)
	return true
}

// run keeps what goes wrong in a command to that command.
func (s *Server) run(k command, r *request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("control command panicked", slog.String("command", r.Command.Command), slog.Any("panic", p))
			err = Errorf(Failed, "the command panicked: %v", p)
		}
	}()
	return k.run(s, r)
}

var errTooMany = Errorf(Failed, "too many commands are under way; try again later")

// later carries out a command beside others, or after those that came before it.
func (s *Server) later(k command, r *request) {
	do := func() {
		result, err := s.run(k, r)
		s.answer(r, result, err)
	}
	if k.how == inOrder {
		select {
		case s.orders <- do:
		default:
			s.answer(r, nil, errTooMany)
		}
		return
	}
	if k.how == streaming { // it is bounded by itself
		s.busy.Go(do)
		return
	}
	select {
	case s.slow <- struct{}{}:
	default:
		s.answer(r, nil, errTooMany)
		return
	}
	s.busy.Go(func() {
		defer func() { <-s.slow }()
		do()
	})
}

// admit checks that a command may be given by this way.
func (s *Server) admit(r *request) error {
	if r.from.On == "topic" && s.Secret != "" {
		if err := s.verify(r.Command); err != nil {
			return err
		}
	}
	if _, ok := commands[r.Command.Command]; !ok {
		return Errorf(UnknownCommand, "there is no command %s%s", clip(r.Command.Command), DidYouMean(r.Command.Command, Commands()))
	}
	allow := s.AllowTopic
	if r.from.On == "socket" {
		allow = s.AllowSocket
	}
	if allow != nil && !slices.Contains(allow, r.Command.Command) {
		return Errorf(NotAllowed, "%s may not be given by the %s", r.Command.Command, r.from.On)
	}
	return nil
}

// answer replies to a request, and audits it.
func (s *Server) answer(r *request, result any, err error) {
	reply := s.reply(r, result, err)
	s.audit(r, reply)
	r.respond(reply)
}

func (s *Server) reply(r *request, result any, err error) Reply {
	reply := Reply{V: Version, Instance: s.Instance, Command: clip(r.Command.Command), Target: clip(r.Target), OK: err == nil}
	if err == nil {
		reply.Result, err = json.Marshal(result)
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = Errorf(Failed, "%v", err)
		}
		reply.OK, reply.Result, reply.Error = false, nil, e
	}
	return reply
}

// Listen notes a way by which commands come, for status; the state may change.
func (s *Server) listen(on, at string) *Listening {
	l := &Listening{On: on, At: at, State: "opening"}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening = append(s.listening, l)
	return l
}

func (s *Server) set(l *Listening, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.State = state
}

func (s *Server) status(*request) (any, error) {
	st := Status{Instance: s.Instance, Time: time.Now(), PID: os.Getpid(), Version: s.Version, Uptime: time.Since(s.started).Seconds(),
		State: "running", Brokers: s.Process.Brokers(), Flows: []string{}, Control: []Listening{}}
	for _, f := range s.Process.Flows() {
		st.Flows = append(st.Flows, f.Name())
		switch state, why := StateOf(f); {
		case why != "":
			st.Hindered = append(st.Hindered, FlowState{f.Name(), state, why})
		case state != Running:
			st.Stopped = append(st.Stopped, f.Name())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listening {
		st.Control = append(st.Control, *l)
	}
	if s.Process.Draining() || s.draining && len(st.Stopped) == len(st.Flows) {
		st.State = "draining"
	}
	return st, nil
}

func (s *Server) leaseEnded(address, attribute string, value any, err error) {
	if err != nil {
		s.Log.Error("lease ended, and the old value was refused", slog.String("stage", address), slog.String("attribute", attribute), slog.Any("value", value), slog.Any("error", err))
		return
	}
	s.Log.Info("lease ended", slog.String("stage", address), slog.String("attribute", attribute), slog.Any("value", value))
}

var _ eip.Settable = (*logLevel)(nil)
