package control

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/eipd/eipd/eip"
)

// Bounds of purge.
const (
	purgeIdle  = 500 * time.Millisecond // no message for so long: the channel is empty
	purgeBatch = 1000                   // messages that are saved and then removed at once
)

// purge is the command of that name (Channel Purger): it removes what waits in a
// queue. What is saved is on disk before it is removed.
func (s *Server) purge(r *request) (any, error) {
	confirm, save, most := r.text("confirm"), r.flag("save"), r.whole("count")
	if r.wrong != nil {
		return nil, r.wrong
	}
	if err := s.isQueue(r); err != nil {
		return nil, err
	}
	switch {
	case confirm != r.Target:
		return nil, Errorf(BadArgs, "purge removes messages for good; confirm it by confirm = %q", r.Target)
	case save && s.DataDir == "":
		return nil, Errorf(NotAllowed, "this process has no folder to save messages in")
	}
	src, err := s.Process.Source(r.ctx, r.Target, atMost(most, purgeBatch))
	if err != nil {
		return nil, Errorf(Failed, "nothing was removed: %v", err)
	}
	p := &purge{source: src, most: most, to: &saveFile{}}
	if save {
		err = p.to.create(filepath.Join(s.DataDir, "purged"), r.Target)
	}
	if err == nil {
		err = p.run(r.ctx)
	}
	err = errors.Join(err, p.to.close(), src.Close())
	if err != nil {
		return nil, Errorf(Failed, "%d messages were removed: %v", p.removed, err)
	}
	return Purged{p.removed, p.to.path}, nil
}

// atMost is how many messages to have at once where most are asked for (0: all). To
// give back more would count as deliveries.
func atMost(most int64, otherwise int) int {
	if most == 0 {
		return otherwise
	}
	return int(min(most, int64(otherwise)))
}

// Purged is the result of purge.
type Purged struct {
	Removed int64  `json:"removed"`
	Saved   string `json:"saved,omitempty"` // the file, in the process' data directory
}

// isQueue checks that the target is one.
func (s *Server) isQueue(r *request) error {
	if r.Target == "" {
		return Errorf(BadArgs, "%s needs a queue as its target, like queue.orders", r.Command.Command)
	}
	var queues []Channel
	for _, c := range s.Process.Channels() {
		if c.Kind == "queue" {
			queues = append(queues, c)
		} else if c.Name == r.Target {
			return Errorf(BadArgs, "%s is a topic: nothing waits in it", r.Target)
		}
	}
	_, err := find("queue", r.Target, same, queues, func(c Channel) string { return c.Name })
	return err
}

type purge struct {
	source  eip.Source
	most    int64 // 0: all
	removed int64
	to      *saveFile
}

func (p *purge) run(ctx context.Context) error {
	var batch []*eip.Message
	settle := func(err error) error {
		if err == nil {
			err = p.to.sync()
		}
		for _, m := range batch {
			m.Settle(err)
		}
		if err == nil {
			p.removed += int64(len(batch))
		}
		batch = nil
		return err
	}
	for ctx.Err() == nil && (p.most == 0 || p.removed+int64(len(batch)) < p.most) {
		m, idle, err := receiveSoon(ctx, p.source)
		switch {
		case m != nil:
			batch = append(batch, m)
			if err := p.to.save(m); err != nil {
				return settle(err)
			}
			if len(batch) < purgeBatch {
				continue
			}
		case !idle:
			return settle(err)
		}
		if err := settle(nil); err != nil || m == nil {
			return err
		}
	}
	return settle(ctx.Err())
}

// receiveSoon returns the next message. Where none comes, idle says that the queue is
// empty, or ctx has ended; else err says what went wrong.
func receiveSoon(ctx context.Context, src eip.Source) (m *eip.Message, idle bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, purgeIdle)
	defer cancel()
	m, err = src.Receive(waiting)
	return m, waiting.Err() != nil, err
}
