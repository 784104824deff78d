package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// looking goes through queues, and keeps what is to be shown.
type looking struct {
	server  *Server
	search  deadletter.Search
	groups  *deadletter.Groups // nil: letters are listed
	bodies  bool
	exact   bool     // all letters are sent as they come, with everything that they hold
	to      *request // who gets these
	most    int      // letters that are listed
	bytes   int64
	letters []Letter
	seen    LettersSeen
	did     Did // where bodies are shown
}

// prices asks what the looks cost. Where letters of all flows are meant, a queue that
// cannot be looked into leaves the others.
func (l *looking) prices(ctx context.Context, looks []Look) error {
	for _, look := range looks {
		in, err := LettersIn{Queue: look.Queue, Of: -1}, errAway
		if look.Browser != nil {
			in.Cost, err = look.Price(ctx, look.At)
		}
		in.Of = l.depth(look.Queue)
		if err := l.failed(&in, err); err != nil {
			return err
		}
		l.seen.Queues = append(l.seen.Queues, in)
	}
	return nil
}

var errAway = errors.New("its broker cannot be reached")

// failed notes why a queue cannot be looked into, where that is no error.
func (l *looking) failed(in *LettersIn, err error) error {
	switch {
	case eip.IsGone(err): // nothing has failed yet
		in.Of = 0
	case err != nil && l.search.Flow != "":
		return err
	case err != nil:
		in.Error = l.server.Hide(err.Error())
	}
	return nil
}

// into goes through one queue.
func (l *looking) into(ctx context.Context, in *LettersIn, look Look) error {
	if in.Error != "" {
		return nil
	}
	before := l.search.Read
	err := l.failed(in, l.read(ctx, look))
	in.Read = l.search.Read - before
	if whole := in.Cost.Most == 0 || in.Read < in.Cost.Most; in.Of >= 0 || whole {
		in.Of = max(in.Of, in.Read)
	}
	return errors.Join(err, ctx.Err())
}

// depth is how much waits in a queue; -1: nobody knows.
func (l *looking) depth(queue string) int {
	for _, d := range l.server.Process.Depths() {
		if d.Channel == queue {
			return d.Messages
		}
	}
	return -1
}

func (l *looking) read(ctx context.Context, look Look) error {
	for m, err := range look.Browse(ctx, look.At, broker.BrowseOptions{}) {
		if err != nil {
			return err
		}
		letter := l.server.letter(m.Message)
		letter.Taken = m.Taken
		if !l.search.Picks(&letter) {
			continue
		}
		l.seen.Found++
		if l.bodies {
			l.did.Letters++
			if len(l.did.IDs) < mostAuditedIDs {
				l.did.IDs = append(l.did.IDs, letter.ID)
			}
		}
		switch {
		case l.groups != nil:
			l.groups.Add(letter)
		case l.exact:
			if err := l.export(letter, look.Queue); err != nil {
				return err
			}
		default:
			l.keep(letter, look.Queue, int64(len(m.Body())))
		}
	}
	return nil
}

// export sends a letter with everything that may be seen of it.
func (l *looking) export(of deadletter.Letter, queue string) error {
	if size := of.Message.Size(); size > mostLetterBytes {
		return fmt.Errorf("letter %s has %d bytes, more than a reply holds", of.ID, size)
	}
	e, err := deadletter.ExportOf(of.Message)
	if err != nil {
		return err
	}
	if e.ID, e.Queue, e.Redacted = of.ID, queue, of.Redacted; !l.server.stream(l.to, e) {
		return errors.New("the asker is gone")
	}
	return nil
}

// keep keeps a letter to be listed, if there is room.
func (l *looking) keep(letter deadletter.Letter, queue string, size int64) {
	if l.bytes += letter.Message.Size(); len(l.letters) == l.most || l.bytes > mostLetterBytes && len(l.letters) > 0 {
		l.most, l.seen.More = len(l.letters), true
		return
	}
	l.letters = append(l.letters, l.view(letter, queue, size))
}

func (l *looking) view(of deadletter.Letter, queue string, size int64) Letter {
	m := of.Message
	text := func(name string) string { t, _ := m.Headers[name].(string); return t }
	v := Letter{ID: of.ID, Group: of.Cause.Group(), Queue: queue, Flow: of.Cause.Flow, Stage: of.Cause.Stage, Reason: of.Cause.Reason, Error: text(header.Error), Attempts: of.Attempts, Replays: of.Replays,
		Failed: of.Failed, FirstFailed: of.FirstFailed, Edited: of.Edited, Stripped: text(header.Stripped), Taken: of.Taken, Size: size, MessageID: m.ID, Type: m.Type}
	if l.bodies {
		v.ContentType, v.CorrelationID, v.Key, v.Timestamp, v.Headers, v.Body = m.ContentType, m.CorrelationID, m.Key, m.Timestamp, m.Headers, shownBody(m.Body())
	}
	return v
}

// show sends the letters, and returns what else there is to say.
func (l *looking) show(r *request) (any, error) {
	if err := l.search.Check(); err != nil {
		return nil, Errorf(UnknownTarget, "%v", l.server.former(l.search.Selection, err))
	}
	for _, v := range l.letters {
		if !l.server.stream(r, v) {
			break // the asker is gone
		}
	}
	for _, in := range l.seen.Queues {
		l.seen.Read += in.Read
		if in.Of < 0 || l.seen.Of < 0 {
			l.seen.Of = -1
		} else {
			l.seen.Of += in.Of
		}
	}
	if l.groups != nil {
		l.seen.Groups, l.seen.Other = l.groups.Result()
	}
	return l.seen, nil
}
