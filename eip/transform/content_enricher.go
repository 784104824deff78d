package transform

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/inner"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("content_enricher", func() eip.Stage { return NewContentEnricher() }) }

// A ContentEnricher adds to messages what they lack: it has stages make a reply of a copy of
// each, or looks one up in a table.
type ContentEnricher struct {
	// What a reply is known by in the file, or the cache: text, or what is written as JSON.
	Key eip.Value `flow:"key"`
	// A table of replies, in place of stages: CSV, whose first line names the columns; JSON
	// lines; or JSON, which is a list of maps, or a map of replies by their keys. Its name ends
	// in .csv, .jsonl, .ndjson or .json. It is read again when it has changed.
	File string `flow:"file,fixed,beside"`
	// The column or member of each row of the file that key must equal. A map needs none.
	Column string `flow:"column"`
	// The message's new body, made of the old one and the reply: it sees both as body and
	// reply, which is nil where there is none. Without it, the reply becomes the body, and a
	// message without reply is invalid.
	Merge eip.Merge `flow:"merge"`
	// Whether replies are used again.
	Cache Cache `flow:"cache,block"`
	// The stages that make the reply of a copy of the message.
	Body eip.Pipe `flow:",body,open,through"`

	table   table
	replies replies

	asked, found, missing atomic.Int64
}

// A Cache says how replies are used again for messages of an equal key.
type Cache struct {
	// How long a reply is used. 0s: for its own message only.
	TTL eip.Live[time.Duration] `flow:"ttl,required"`
	// How many replies are kept. The one goes that was not used for the longest time.
	Max eip.Live[int] `flow:"max"`
	// About how much memory they may take.
	Bytes eip.Bytes `flow:"bytes"`
}

// NewContentEnricher returns a ContentEnricher, which needs stages or a File. Its Cache is
// used once it has a TTL.
func NewContentEnricher() *ContentEnricher {
	return &ContentEnricher{Cache: Cache{Max: eip.LiveOf(10_000), Bytes: 64 << 20}}
}

// Pattern names what the stage is.
func (*ContentEnricher) Pattern() string { return "Content Enricher" }

// Validate checks the options.
func (e *ContentEnricher) Validate() error {
	caches := e.Cache.TTL.Load() > 0
	switch {
	case e.File == "" && len(e.Body.Stages) == 0:
		return errors.New("nothing says where the reply comes from: write stages in it, or set \"file\"")
	case e.File != "" && len(e.Body.Stages) > 0:
		return eip.OptionErrorf("file", "the reply comes either from a file or from stages; leave one out")
	case e.File != "" && e.Key == nil:
		return eip.OptionErrorf("key", "nothing says what to look up in the file; add key")
	case e.File == "" && e.Column != "":
		return eip.OptionErrorf("column", "only a file has columns")
	case caches && e.File != "":
		return eip.OptionErrorf("cache.ttl", "the file is in memory already; leave cache out")
	case caches && e.Key == nil:
		return eip.OptionErrorf("cache.ttl", "nothing says for which messages a reply is the same; add key")
	case e.Cache.Max.Load() < 1:
		return eip.OptionErrorf("cache.max", "%d replies are none; give at least 1", e.Cache.Max.Load())
	case e.Cache.Bytes < 1:
		return eip.OptionErrorf("cache.bytes", "replies must have some room")
	case e.Body.To != nil:
		return eip.OptionErrorf("to", "the reply must come out of the stages")
	}
	if name := inner.Mixes(&e.Body); name != "" {
		return fmt.Errorf("%s makes messages of its own, which are no reply; write it before or behind the content_enricher", name)
	}
	if e.File != "" {
		return checkTable(e.File, e.Column)
	}
	return nil
}

// CheckFiles checks that its file can be read.
func (e *ContentEnricher) CheckFiles() error {
	if e.File == "" {
		return nil
	}
	if err := checkFile(e.File, e.Column); err != nil {
		return eip.OptionErrorf("file", "the table cannot be read: %w", err)
	}
	return nil
}

// Open reads the table, and begins with an empty cache.
func (e *ContentEnricher) Open(_ context.Context, env *eip.Env) error {
	e.replies.open(&e.Cache, env.Clock)
	if e.File == "" {
		return nil
	}
	return e.table.open(e.File, e.Column, env)
}

// Process passes on m with what its reply says.
func (e *ContentEnricher) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	reply, cached, err := e.reply(ctx, m)
	if err != nil {
		return m.Undecided(e, err)
	}
	if m.CountsAt(e) {
		e.count(reply, cached)
	}
	enriched, err := e.merge(ctx, m, reply)
	if err != nil {
		return err
	}
	return next.Handle(ctx, enriched)
}

// reply returns the reply; nil: there is none. A Test Message always asks.
func (e *ContentEnricher) reply(ctx context.Context, m *eip.Message) (reply *eip.Message, known bool, err error) {
	key, err := e.key(ctx, m)
	switch {
	case err != nil:
		return nil, false, err
	case e.File != "":
		return e.table.find(key), true, nil
	case key == "" || m.IsTest() || !e.replies.used():
		reply, err = inner.Ask(ctx, &e.Body, m)
		return reply, false, err
	}
	return e.replies.get(ctx, key, func() (*eip.Message, error) { return inner.Ask(ctx, &e.Body, m) })
}

func (e *ContentEnricher) key(ctx context.Context, m *eip.Message) (string, error) {
	if e.Key == nil {
		return "", nil
	}
	v, err := e.Key(ctx, m)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	key, err := content.Key(v)
	return key, eip.Invalid(err)
}

func (e *ContentEnricher) count(reply *eip.Message, known bool) {
	switch {
	case !known:
		e.asked.Add(1)
	case reply != nil:
		e.found.Add(1)
	}
	if reply == nil {
		e.missing.Add(1)
	}
}

var nothing = inJSON([]byte("null"))

func inJSON(body []byte) *eip.Message {
	return eip.New(body, nil).With(func(m *eip.Message) { m.ContentType = "application/json" })
}

// merge returns m with its reply.
func (e *ContentEnricher) merge(ctx context.Context, m, reply *eip.Message) (*eip.Message, error) {
	switch {
	case e.Merge != nil:
		if reply == nil {
			reply = nothing
		}
		v, err := e.Merge(ctx, m, reply)
		if err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
		return m.WithValue(v, "")
	case reply == nil && e.File != "":
		return nil, eip.Invalid(errors.New("the file has nothing of its key; a merge could do without"))
	case reply == nil:
		return nil, eip.Invalid(errors.New("no reply has come out of the stages; a merge could do without"))
	}
	return m.WithBody(reply.Body()).With(func(c *eip.Message) { c.ContentType, c.Encoding = reply.ContentType, reply.Encoding }), nil
}

// Nested returns the stages.
func (e *ContentEnricher) Nested() []*eip.Pipe {
	if len(e.Body.Stages) == 0 {
		return nil
	}
	return []*eip.Pipe{&e.Body}
}

// Trouble says why the file could not be read again.
func (e *ContentEnricher) Trouble() error { return e.table.trouble() }

// Stats returns for how many messages the stages were "asked", for how many a reply was
// "found" in the file or the cache, and how many had none ("missing"); how many replies are
// there ("entries"), and about how many bytes those of the cache take.
func (e *ContentEnricher) Stats() stats.Own {
	entries, bytes := e.replies.size()
	counts := map[string]int64{"found": e.found.Load(), "missing": e.missing.Load(), "entries": entries + e.table.size()}
	if e.File == "" {
		counts["asked"], counts["bytes"] = e.asked.Load(), bytes
	}
	return stats.Own{Gauges: []string{"entries", "bytes"}, Counts: counts}
}
