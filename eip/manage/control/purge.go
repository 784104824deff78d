package control

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/private"
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
		return nil, err
	}
	p := &purge{source: src, most: most}
	if save {
		err = p.create(filepath.Join(s.DataDir, "purged"), r.Target)
	}
	if err == nil {
		err = p.run(r.ctx)
	}
	err = errors.Join(err, p.close(), src.Close())
	if err != nil {
		return nil, Errorf(Failed, "%d messages were removed: %v", p.removed, err)
	}
	return Purged{p.removed, p.path}, nil
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
	path    string
	file    *os.File
	out     *bufio.Writer
}

func (p *purge) create(dir, channel string) error {
	if err := private.Folder(dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, fmt.Sprintf("%s-%s-*.jsonl", channel, time.Now().UTC().Format("20060102T150405Z")))
	if err != nil {
		return err
	}
	p.path, p.file, p.out = f.Name(), f, bufio.NewWriter(f)
	return nil
}

func (p *purge) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

func (p *purge) run(ctx context.Context) error {
	var batch []*eip.Message
	settle := func(err error) error {
		if err == nil && p.file != nil {
			err = errors.Join(p.out.Flush(), p.file.Sync())
		}
		for _, m := range batch {
			eip.Deliver(ctx, failing(err), m)
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
			if err := p.save(m); err != nil {
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

// saved is a message as a line of the file.
type saved struct {
	ID            string      `json:"id,omitempty"`
	CorrelationID string      `json:"correlation_id,omitempty"`
	ReplyTo       string      `json:"reply_to,omitempty"`
	Type          string      `json:"type,omitempty"`
	Key           string      `json:"key,omitempty"`
	ContentType   string      `json:"content_type,omitempty"`
	Timestamp     string      `json:"timestamp,omitempty"`
	Headers       eip.Headers `json:"headers,omitempty"`
	Body          string      `json:"body"`
	Encoding      string      `json:"body_encoding,omitempty"` // "base64", or none
}

func (p *purge) save(m *eip.Message) error {
	if p.file == nil {
		return nil
	}
	return Save(p.out, m)
}

// Save writes a message as a line of JSON.
func Save(to io.Writer, m *eip.Message) error {
	s := saved{ID: m.ID, CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type, Key: m.Key, ContentType: m.ContentType, Headers: m.Headers, Body: string(m.Body())}
	if !m.Timestamp.IsZero() {
		s.Timestamp = m.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	if !utf8.Valid(m.Body()) {
		s.Body, s.Encoding = base64.StdEncoding.EncodeToString(m.Body()), "base64"
	}
	var line strings.Builder
	if err := json.NewEncoder(&line).Encode(s); err != nil {
		return fmt.Errorf("save message %s: %w", m.ID, err)
	}
	_, err := io.WriteString(to, line.String())
	return err
}
