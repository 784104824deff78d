package transform_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/transform"
)

var errAway = errors.New("away")

func ExampleContentEnricher() {
	e := transform.NewContentEnricher()
	e.Body.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody([]byte("2 euros"))) // as a service may answer
	})}
	e.Merge = func(_ context.Context, m, reply *eip.Message) (any, error) {
		return fmt.Sprintf("%s: %s", m.Body(), reply.Body()), nil
	}
	flow := eip.Chain([]eip.Stage{e}, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	}))
	eip.Deliver(context.Background(), flow, eip.New([]byte("pen"), nil))
	// Output: pen: 2 euros
}

// asked is a stage that answers with what it is told, and counts.
type asked struct {
	n     atomic.Int64
	under atomic.Int64
	do    func(ctx context.Context, m *eip.Message, next eip.Handler) error
}

func (s *asked) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	s.n.Add(1)
	if s.under.Add(1) > 1 {
		panic("two at a time")
	}
	defer s.under.Add(-1)
	if s.do != nil {
		return s.do(ctx, m, next)
	}
	return next.Handle(ctx, m.WithBody([]byte("re: "+string(m.Body()))))
}

func body(_ context.Context, m *eip.Message) (any, error) { return m.Value() }

// both shows a body and its reply.
func both(_ context.Context, m, reply *eip.Message) (any, error) {
	return string(m.Body()) + "|" + string(reply.Body()), nil
}

func enricher(set func(*transform.ContentEnricher), stages ...eip.Stage) *transform.ContentEnricher {
	e := transform.NewContentEnricher()
	e.Body.Stages = stages
	if set != nil {
		set(e)
	}
	return e
}

func cached(e *transform.ContentEnricher) {
	e.Key = body
	e.Cache.TTL.Set(time.Minute)
}

func fileOf(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestContentEnricher_KeepsTheContract(t *testing.T) {
	does := func(f func(ctx context.Context, m *eip.Message, next eip.Handler) error) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage { return enricher(cached, eip.StageFunc(f)) }
	}
	pass := func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) }
	end := func(_ context.Context, m *eip.Message, _ eip.Handler) error { m.Drop(); return nil }
	path := fileOf(t, "prices.json", `{"7": 2}`)
	of := func(key string, set func(*transform.ContentEnricher)) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			return enricher(func(e *transform.ContentEnricher) {
				e.File, e.Key = path, func(context.Context, *eip.Message) (any, error) { return key, nil }
				if set != nil {
					set(e)
				}
			})
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"stages":           {New: func(eip.Handler) eip.Stage { return enricher(nil, eip.StageFunc(pass)) }},
		"cache":            {New: does(pass)},
		"file":             {New: of("7", nil)},
		"no reply":         {New: does(end), Outcome: eiptest.Rejects},
		"no row":           {New: of("8", nil), Outcome: eiptest.Rejects},
		"no row is needed": {New: of("8", func(e *transform.ContentEnricher) { e.Merge = both })},
		"no reply is needed": {New: func(eip.Handler) eip.Stage {
			return enricher(func(e *transform.ContentEnricher) { e.Merge = both }, eip.StageFunc(end))
		}},
		"the key cannot be read": {Outcome: eiptest.Rejects, New: func(eip.Handler) eip.Stage {
			return enricher(func(e *transform.ContentEnricher) {
				cached(e)
				e.Key = func(context.Context, *eip.Message) (any, error) {
					return nil, eip.Invalid(errors.New("no such member"))
				}
			}, eip.StageFunc(pass))
		}},
		"a key of no kind": {Outcome: eiptest.Rejects, New: func(eip.Handler) eip.Stage {
			return enricher(func(e *transform.ContentEnricher) {
				cached(e)
				e.Key = func(context.Context, *eip.Message) (any, error) { return func() {}, nil }
			}, eip.StageFunc(pass))
		}},
		"fails":  {New: does(func(context.Context, *eip.Message, eip.Handler) error { return errAway }), Outcome: eiptest.Fails},
		"panics": {New: does(func(context.Context, *eip.Message, eip.Handler) error { panic("!") }), Outcome: eiptest.Fails},
		"answers twice": {Outcome: eiptest.Rejects, New: does(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(next.Handle(ctx, m), next.Handle(ctx, m))
		})},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// open opens a stage with a clock.
func open(t testing.TB, e *transform.ContentEnricher) *eiptest.Clock {
	t.Helper()
	clock := eiptest.NewClock()
	env := eiptest.Env()
	env.Clock = eip.Clock{Timekeeper: clock}
	if err := errors.Join(e.Validate(), e.Open(t.Context(), env)); err != nil {
		t.Fatal(err)
	}
	return clock
}

// ask returns what a message becomes.
func ask(t testing.TB, e *transform.ContentEnricher, text string) (string, error) {
	t.Helper()
	passed, err := eiptest.Process(t.Context(), e, eiptest.Message(text))
	if len(passed) != 1 {
		return "", err
	}
	return string(passed[0].Body()), err
}

func TestContentEnricher_Merges(t *testing.T) {
	s := &asked{do: func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithHeader("x", 1).With(func(m *eip.Message) { m.ContentType, m.Type = "text/csv", "reply" }).WithBody([]byte("r")))
	}}
	e := enricher(nil, s)
	passed, err := eiptest.Process(t.Context(), e, eiptest.Message("m").With(func(m *eip.Message) { m.Type, m.Encoding = "order", "gzip" }))
	if err != nil || len(passed) != 1 {
		t.Fatal(passed, err)
	}
	if m := passed[0]; string(m.Body()) != "r" || m.ContentType != "text/csv" || m.Encoding != "gzip" || m.Type != "order" || m.Headers["x"] != nil {
		t.Errorf("%+v", m)
	}
	e.Merge = both
	if got, err := ask(t, e, "m"); got != "m|r" || err != nil {
		t.Error(got, err)
	}
}

// Equal keys ask once within the time, and whatever has failed asks again.
func TestContentEnricher_Cache(t *testing.T) {
	s := &asked{}
	e := enricher(cached, s)
	clock := open(t, e)
	is := func(text, want string, asked int64) {
		t.Helper()
		if got, err := ask(t, e, text); got != want || (err != nil) != (want == "") || s.n.Load() != asked {
			t.Errorf("%s: %s, %v; %d were asked for, want %d", text, got, err, s.n.Load(), asked)
		}
	}
	is("a", "re: a", 1)
	is("a", "re: a", 1)
	is("b", "re: b", 2)
	clock.Advance(59 * time.Second)
	is("a", "re: a", 2)
	clock.Advance(time.Second)
	is("a", "re: a", 3)
	is("null", "re: null", 4) // no key
	is("null", "re: null", 5)
	is("1", "re: 1", 6)
	is(`"1"`, "re: 1", 6) // a number is its digits
	s.do = func(context.Context, *eip.Message, eip.Handler) error { return errAway }
	is("c", "", 7)
	s.do = nil
	is("c", "re: c", 8)
	s.do = func(_ context.Context, m *eip.Message, _ eip.Handler) error { m.Drop(); return nil }
	is("d", "", 9)
	is("d", "", 9) // that there is none is known, too
	s.do = nil
	e.Cache.TTL.Set(0)
	is("a", "re: a", 10) // which empties it, too
	e.Cache.TTL.Set(time.Minute)
	is("a", "re: a", 11)
	counts := e.Stats().Counts
	if want := map[string]int64{"asked": 10, "found": 3, "missing": 2, "entries": 1, "bytes": 844}; !maps.Equal(counts, want) {
		t.Errorf("%v, want %v", counts, want)
	}
}

// Neither many replies nor large ones take more than they may.
func TestContentEnricher_CacheIsBounded(t *testing.T) {
	s := &asked{do: func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		v, err := m.Value()
		if err != nil {
			return err
		}
		return next.Handle(ctx, m.WithBody(make([]byte, v.(int))))
	}}
	e := enricher(func(e *transform.ContentEnricher) {
		cached(e)
		e.Cache.Max.Set(3)
		e.Cache.Bytes = 20_000
	}, s)
	open(t, e)
	try := func(texts string, entries int64) {
		t.Helper()
		for text := range strings.FieldsSeq(texts) {
			if _, err := ask(t, e, text); err != nil {
				t.Fatal(err)
			}
		}
		if c := e.Stats().Counts; c["entries"] != entries || c["bytes"] > 20_000 {
			t.Errorf("%s: %v", texts, c)
		}
	}
	try("1 2 3 1 4", 3) // 2 is the one that was used least
	n := s.n.Load()
	if try("1 3 4", 3); s.n.Load() != n {
		t.Error("the wrong one went")
	}
	try("30000", 3) // is too large
	try("4000 4001 4002", 2)
	e.Cache.Max.Set(1)
	try("1", 1)
}

// Many messages of one key ask one at a time, and mostly once.
func TestContentEnricher_Stampede(t *testing.T) {
	for name, fails := range map[string]int64{"once": 0, "until it works": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &asked{}
				s.do = func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					time.Sleep(time.Second)
					if s.n.Load() <= fails {
						return errAway
					}
					return next.Handle(ctx, m)
				}
				e := enricher(cached, s)
				if err := e.Open(t.Context(), eiptest.Env()); err != nil {
					t.Fatal(err)
				}
				var failed atomic.Int64
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				gone := make(chan error)
				for i := range 50 {
					go func() {
						if _, err := eiptest.Process(t.Context(), e, eiptest.Message("a")); err != nil {
							failed.Add(1)
						}
						gone <- nil
					}()
					if i == 25 {
						synctest.Wait()
						go func() { _, err := eiptest.Process(ctx, e, eiptest.Message("a")); gone <- err }()
						synctest.Wait()
						cancel() // one does not wait so long
						if err := <-gone; !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
					}
				}
				for range 50 {
					<-gone
				}
				if s.n.Load() != fails+1 || failed.Load() != fails {
					t.Errorf("%d asked, and %d failed", s.n.Load(), failed.Load())
				}
			})
		})
	}
}

// A Test Message asks for itself, and leaves nothing for others.
func TestContentEnricher_TestMessages(t *testing.T) {
	s := &asked{}
	e := enricher(cached, s)
	test := func() *eip.Message { return eiptest.Message("a").WithHeader(header.Test, "t") }
	source := eiptest.NewSource(test(), eiptest.Message("a"), test(), eiptest.Message("a"))
	f := &eip.Flow{Name: "f", Source: source, Stages: []eip.Stage{e}, To: eip.Discard}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := e.Stats().Counts; s.n.Load() != 3 || c["asked"] != 1 || c["found"] != 1 || c["entries"] != 1 {
		t.Errorf("%d were asked, %v", s.n.Load(), c)
	}
}

// A panic of the stages lets go of those who wait.
func TestContentEnricher_CachePanics(t *testing.T) {
	e := enricher(cached, &asked{do: func(context.Context, *eip.Message, eip.Handler) error { panic("!") }})
	open(t, e)
	for range 2 {
		if _, err := ask(t, e, "a"); err == nil || !strings.Contains(err.Error(), "panic") {
			t.Error(err)
		}
	}
}

func TestContentEnricher_Validate(t *testing.T) {
	s := &asked{}
	for name, c := range map[string]struct {
		option string
		set    func(*transform.ContentEnricher)
	}{
		"nothing":        {"", func(e *transform.ContentEnricher) { e.Body.Stages = nil }},
		"both":           {"file", func(e *transform.ContentEnricher) { e.File = "x.json" }},
		"file, no key":   {"key", func(e *transform.ContentEnricher) { e.File, e.Body.Stages = "x.json", nil }},
		"no kind":        {"file", func(e *transform.ContentEnricher) { e.File, e.Key, e.Body.Stages = "x.xml", body, nil }},
		"no column":      {"column", func(e *transform.ContentEnricher) { e.File, e.Key, e.Body.Stages = "x.CSV", body, nil }},
		"column":         {"column", func(e *transform.ContentEnricher) { e.Column = "a" }},
		"file and cache": {"cache.ttl", func(e *transform.ContentEnricher) { cached(e); e.File, e.Body.Stages = "x.json", nil }},
		"cache, no key":  {"cache.ttl", func(e *transform.ContentEnricher) { cached(e); e.Key = nil }},
		"no replies":     {"cache.max", func(e *transform.ContentEnricher) { e.Cache.Max.Set(0) }},
		"no bytes":       {"cache.bytes", func(e *transform.ContentEnricher) { e.Cache.Bytes = 0 }},
		"to":             {"to", func(e *transform.ContentEnricher) { e.Body.To = eip.Discard }},
		"makes":          {"", func(e *transform.ContentEnricher) { e.Body.Stages = []eip.Stage{maker{s}} }},
	} {
		e := enricher(c.set, s)
		err := e.Validate()
		var o *eip.OptionError
		if err == nil || errors.As(err, &o) && o.Option != c.option || o == nil && c.option != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type maker struct{ *asked }

func (maker) Makes() bool { return true }
