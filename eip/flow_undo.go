package eip

import "log/slog"

// An undoer is a stage that knows how to undo what was done to messages before they came to
// its flow.
type undoer interface {
	// Undo returns who sees to it that what was done to m is undone, once m has failed with
	// err for good and its dead letter is written, and what that letter says of it; nil:
	// there is nothing to undo.
	Undo(m *Message, err error) (to Handler, what string)
}

// undoer returns who undoes what was done to a message that has failed. What came to an undoer
// in any attempt may be further on already, whatever it failed with at last: nobody undoes that.
func (x *run) undoer(r *receipt) (to Handler, what string) {
	for n, s := range Walk(x.all()) {
		u, ok := s.(undoer)
		switch {
		case !ok:
		case n != nil && r.wasAt(n.number):
			return nil, ""
		case to == nil:
			to, what = u.Undo(r.message, r.err)
		}
	}
	return to, what
}

// undo has what was done to a message undone whose dead letter is written. It is tried until
// it succeeds or the flow stops: then the message comes again.
func (x *run) undo(d deadLetter, how failure, to Handler) {
	Deliver(x.work, to, d.message.Fork(func(err error) {
		switch {
		case err == nil:
			x.endDeadLetter(d, how, nil)
			return
		case d.revoked():
			x.endDeadLetter(d, returned, d.err)
			return
		}
		d.attempt++
		x.Env.Log.Error("cannot undo what was done before a message failed, will try again", append(x.about(d.receipt), slog.Any("cause", err))...)
		go x.deadLetterLater(d, err, IsPermanent(err), func() { x.undo(d, how, to) })
	}))
}
