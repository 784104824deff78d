package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/eipd/eipd/internal/nearest"
)

// Origin is where a command came from.
type Origin struct {
	On     string `json:"on"` // "socket" or "topic"
	User   string `json:"user,omitempty"`
	sender string // whom its places are counted for
	again  bool   // it says that it may have come before
}

// repeats reports whether err is of what has come before, as it says: it is answered
// once.
func (o Origin) repeats(err error) bool { return o.again && err == errRepeated }

// A request is a command that is being carried out.
type request struct {
	*Command
	from   Origin
	secret string           // what its replies are signed with; "": its own signature is none
	send   func(Reply) bool // false: the asker is gone
	ctx    context.Context  // ends with the command's time
	wrong  error            // the first argument that is
	did    *Did             // what it has done to dead letters
}

// respond sends a reply; false: the asker is gone.
func (r *request) respond(reply Reply) bool {
	if r.secret != "" && reply.sign(r.secret, r.Nonce) != nil {
		return false
	}
	return r.send(reply)
}

func (r *request) class() class {
	switch {
	case r.from.On == "socket":
		return bySocket
	case r.secret != "":
		return signed
	case r.from.User != "":
		return vouched
	}
	return anybody
}

// handle carries out the command in data, and responds: perhaps later and from
// another goroutine. It returns false where another instance is meant, which
// responds. r says where it came from.
func (s *Server) handle(data []byte, r *request) bool {
	var err error
	if r.Command, err = DecodeCommand(data); err == nil && !r.For(s.Instance, s.Labels) {
		return false
	}
	if err == nil {
		err = s.authenticate(r)
	}
	if err != nil {
		if !r.from.repeats(err) {
			s.answer(r, nil, err)
		}
		return true
	}
	s.obey(r)
	return true
}

// Do carries out a command as if it came from the socket, and returns its reply: of
// several, the last one.
func (s *Server) Do(ctx context.Context, c Command) (Reply, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return Reply{}, fmt.Errorf("encode command: %w", err)
	}
	last := make(chan Reply, 1)
	ours := s.handle(data, &request{from: Origin{On: "socket"}, send: func(reply Reply) bool {
		if !reply.More {
			last <- reply
		}
		return ctx.Err() == nil
	}})
	if !ours {
		return Reply{}, Errorf(UnknownTarget, "another instance is meant")
	}
	select {
	case reply := <-last:
		return reply, nil
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

// authenticate checks the signature of a command that must have one.
func (s *Server) authenticate(r *request) error {
	if r.from.On != "topic" || s.Secret == "" {
		return nil
	}
	if err := s.verify(r.Command); err != nil {
		return err
	}
	r.secret = s.Secret
	return nil
}

func (s *Server) obey(r *request) {
	if r.Command.Command == newsCommand {
		if err := s.hearNews(r); err != nil {
			s.answer(r, nil, err)
		}
		return
	}
	k, err := s.admit(r)
	if err == nil && !r.reads() {
		err = s.announce(r)
	}
	switch {
	case err != nil:
		s.answer(r, nil, err)
	case k.how == atOnce:
		result, err := s.run(k, r)
		s.answer(r, result, err)
	default:
		s.later(k, r)
	}
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

// later carries out a command beside others, or after those that came before it,
// within its time. One that heeds no time is answered all the same, and has no place
// any more.
func (s *Server) later(k command, r *request) {
	leave := s.place(r, k.how)
	if leave == nil {
		s.answer(r, nil, Errorf(Failed, "too many commands are under way; try again later"))
		return
	}
	var before []chan struct{}
	over := func() {}
	if k.how == inOrder {
		before, over = s.turns.take(s.touched(r))
	}
	s.busy.Go(func() {
		defer leave()
		ctx, cancel := context.WithTimeout(s.ctx, s.Timeout)
		defer cancel()
		r.ctx = ctx
		type outcome struct {
			result any
			err    error
		}
		done := make(chan outcome, 1)
		go func() {
			defer over()
			for _, b := range before {
				select {
				case <-b:
				case <-ctx.Done():
				}
			}
			if err := s.untilBegun(ctx); err != nil {
				done <- outcome{nil, err}
				return
			}
			result, err := s.run(k, r)
			done <- outcome{result, err}
		}()
		var o outcome
		select {
		case o = <-done:
		case <-ctx.Done():
			select {
			case o = <-done:
			case <-time.After(lateness):
				o.err = s.over(r)
			}
		}
		s.answer(r, o.result, o.err)
	})
}

// patience is how long a command waits for the flows to run.
const patience = 10 * time.Second

func (s *Server) untilBegun(ctx context.Context) error {
	if !s.starting() {
		return nil
	}
	select {
	case <-s.Begun:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return Errorf(Failed, "the process is starting, and nothing was done; status says what it waits for")
	}
}

// lateness is how long a command may take to notice that its time is over.
const lateness = time.Second

// allowed reports whether a command may come by a way.
func (s *Server) allowed(on, command string) bool {
	allow := s.AllowTopic
	if on == "socket" {
		allow = s.AllowSocket
	}
	return allow == nil || slices.Contains(allow, command)
}

// trusts reports whether what others say on the topic is believed: they know the
// secret, or could set it all the same.
func (s *Server) trusts() bool { return s.Secret != "" || s.allowed("topic", "set") }

// admit finds the command, and checks that it may be given by this way.
func (s *Server) admit(r *request) (command, error) {
	k, ok := commands[r.Command.Command]
	switch {
	case !ok:
		return k, Errorf(UnknownCommand, "there is no command %s%s", clip(r.Command.Command), nearest.Hint(r.Command.Command, Commands()))
	case !s.allowed(r.from.On, r.Command.Command):
		return k, Errorf(NotAllowed, "%s may not be given by the %s", r.Command.Command, r.from.On)
	}
	return k, k.takes(r)
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
		reply.OK, reply.Result, reply.Error = false, nil, &Error{e.Code, s.Hide(e.Message)}
	}
	return reply
}
