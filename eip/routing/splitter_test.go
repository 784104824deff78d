package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

func ExampleSplitter() {
	split := routing.NewSplitter()
	split.Format = routing.FormatCSV
	flow := &eip.Flow{Name: "orders", Source: eiptest.NewTexts("sku,quantity\na-1,3\nb-2,1\n"), Stages: []eip.Stage{split},
		To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Println(string(m.Body()), m.Sequence.Number, "of", m.Sequence.Size)
			return nil
		})}
	if err := flow.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"sku":"a-1","quantity":"3"} 1 of 2
	// {"sku":"b-2","quantity":"1"} 2 of 2
}

// items is the list at items in a body.
func items(_ context.Context, m *eip.Message) (any, error) {
	v, err := m.Value()
	if err != nil {
		return nil, err
	}
	return v.(map[string]any)["items"], nil
}

func splitter(format routing.PartFormat, set func(*routing.Splitter)) *routing.Splitter {
	s := routing.NewSplitter()
	if s.Format = format; format == "" {
		s.Parts = items
	}
	if set != nil {
		set(s)
	}
	return s
}

// splitFlow is what comes of messages that a splitter gets.
type splitFlow struct {
	*eip.Flow
	out, dead, invalid eiptest.Recorder
}

func newSplitFlow(s eip.Stage, messages ...*eip.Message) *splitFlow {
	f := &splitFlow{}
	f.Flow = &eip.Flow{Name: "f", Source: eiptest.NewSource(messages...), Stages: []eip.Stage{&eip.Named{Address: "f.splitter", Stage: s}},
		To: &f.out, DeadLetter: &f.dead, Invalid: &f.invalid, Retry: eip.Retry{Attempts: 3, Delay: time.Millisecond}}
	return f
}

func (f *splitFlow) run(t *testing.T) {
	t.Helper()
	for _, s := range eip.Walk(f.Stages) {
		if v, ok := s.(eip.Validator); ok {
			if err := v.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, tests := f.Counts(); c.InFlight != 0 || tests.InFlight != 0 {
		t.Errorf("counts: %+v, %+v", c, tests)
	}
}

func typedAs(body, contentType string) *eip.Message {
	return eiptest.Message(body).With(func(m *eip.Message) { m.ID, m.ContentType = "w", contentType })
}

func TestSplitter_Formats(t *testing.T) {
	for name, c := range map[string]struct {
		format    routing.PartFormat
		path      string
		body, typ string
		want      []string
		wantType  string
	}{
		"a list":              {"", "", `{"items":[1,"two",null,{"a":1.50},[]]}`, "application/json", []string{"1", "two", "null", `{"a":1.50}`, "[]"}, "*"},
		"lines":               {"lines", "", "a\r\nb\n\nc", "text/x", []string{"a", "b", "", "c"}, "text/x"},
		"lines of no type":    {"lines", "", "\xef\xbb\xbf{}\n", "", []string{"{}"}, ""},
		"lines of bytes":      {"lines", "", "\xff\n\x00", "application/x", []string{"\xff", "\x00"}, "text/plain; charset=utf-8"},
		"an array":            {"json_array", "", ` [ 1.0, "a]" , {"b":[2]}]`, "", []string{"1.0", `"a]"`, `{"b":[2]}`}, "application/json"},
		"an array in a map":   {"json_array", "order.lines", `{"order":{"lines":[1,2]},"lines":[3]}`, "application/json", []string{"1", "2"}, "application/json"},
		"JSON lines":          {"json_lines", "", "{\"a\":1}\r\n\n  [2] \n3", "application/x-ndjson", []string{`{"a":1}`, "[2]", "3"}, "application/json"},
		"CSV":                 {"csv", "", "\xef\xbb\xbfa,\"b \"\"q\"\"\"\r\n1,<x>\n\"two\nlines\",\"ü\"\n", "text/csv", []string{`{"a":"1","b \"q\"":"<x>"}`, `{"a":"two\nlines","b \"q\"":"ü"}`}, "application/json"},
		"CSV without records": {"csv", "", "a,b\n", "text/csv", nil, ""},
		"no lines":            {"lines", "", "", "", nil, ""},
		"an empty array":      {"json_array", "", "[]", "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newSplitFlow(splitter(c.format, func(s *routing.Splitter) { s.Path = c.path }), typedAs(c.body, c.typ))
			f.run(t)
			if got := f.out.Bodies(); !slices.Equal(got, c.want) {
				t.Errorf("parts %q, want %q", got, c.want)
			}
			for i, m := range f.out.Messages() {
				if c.wantType != "*" && m.ContentType != c.wantType || m.Sequence != (eip.Sequence{ID: "w", Number: i + 1, Size: len(c.want)}) {
					t.Errorf("part %d: %q, %+v", i+1, m.ContentType, m.Sequence)
				}
			}
		})
	}
}

// A body that is not what it should be is invalid, and nothing of it is sent. The error
// says where.
func TestSplitter_BodiesThatAreNoLists(t *testing.T) {
	for _, c := range []struct {
		format           routing.PartFormat
		path, body, says string
	}{
		{"", "", `{"items":7}`, "and no list"},
		{"", "", `{}`, "gives nil, and no list"},
		{"", "", `{`, "decode body"},
		{"json_array", "", "[1,\n2,,3]", "no json_array: invalid character ',' looking for beginning of value at line 2, column 3 (byte 7)"},
		{"json_array", "", `{"a":[]}`, "body is a map and no list"},
		{"json_array", "a.b", `{"a":{}}`, "body.a has no member b"},
		{"json_lines", "", "1\n\n{\"a\":}\n", "no json_lines: line 3: invalid character '}' looking for beginning of value at line 1, column 6"},
		{"csv", "", "", "the names of the columns is missing"},
		{"csv", "", "a,b\n1,2\n3\n", "record on line 3: wrong number of fields"},
		{"csv", "", "a,b\n1,\"2\n", "line 2"},
		{"csv", "", "a,a\n", "column 2 has no name of its own"},
		{"csv", "", "a,\n1,2\n", "column 2 has no name"},
		{"csv", "", "a\n\xff\n", "no UTF-8"},
	} {
		f := newSplitFlow(splitter(c.format, func(s *routing.Splitter) { s.Path = c.path }), typedAs(c.body, "application/json"))
		f.run(t)
		if m := f.invalid.Messages(); len(m) != 1 || !strings.Contains(fmt.Sprint(m[0].Headers[header.Error]), c.says) || len(f.out.Messages()) > 0 {
			t.Errorf("%s of %q: invalid %v, passed %q; want %q", c.format, c.body, m, f.out.Bodies(), c.says)
		}
	}
}

func TestSplitter_Parts(t *testing.T) {
	whole := typedAs(`{"id":"o1","items":[{"sku":"a"},{"sku":"b"}]}`, "application/json").With(func(m *eip.Message) {
		m.CorrelationID, m.Encoding, m.Headers = "c", "identity", eip.Headers{"h": 1, header.Test: strings.Repeat("a", 32)}
		m.Sequence = eip.Sequence{ID: "outer", Number: 1, Size: 2, Outer: &eip.Sequence{ID: "outermost"}}
	})
	split := splitter("", func(s *routing.Splitter) {
		s.Body = func(_ context.Context, m, reply *eip.Message) (any, error) {
			var seen map[string]any
			err := json.Unmarshal(reply.Body(), &seen)
			return fmt.Sprintf("%s %v %v", m.ID, seen["index"], seen["part"]), err
		}
	})
	var ids [][]string
	for range 2 {
		f := newSplitFlow(split, whole)
		f.run(t)
		if got := fmt.Sprint(f.out.Bodies()); got != "[w 0 map[sku:a] w 1 map[sku:b]]" {
			t.Errorf("parts %s", got)
		}
		var all []string
		for _, m := range f.out.Messages() {
			all = append(all, m.ID)
			if m.CorrelationID != "c" || m.Headers["h"] != 1 || m.Encoding != "" || !m.IsTest() || len(m.ID) != 32 {
				t.Errorf("part %+v", m)
			}
			if o := m.Sequence.Outer; m.Sequence.ID != "w" || o == nil || o.ID != "outer" || o.Number != 1 || o.Outer.ID != "outermost" {
				t.Errorf("sequence %+v", m.Sequence)
			}
		}
		ids = append(ids, all)
		if c, tests := f.Counts(); tests.Made != 2 || tests.Sent != 2 || tests.Absorbed != 1 || c.Received+c.Made != 0 {
			t.Errorf("counts %+v, %+v", c, tests)
		}
	}
	if !slices.Equal(ids[0], ids[1]) || ids[0][0] == ids[0][1] {
		t.Errorf("the identifiers of the parts are %q", ids)
	}
	if got := split.Stats().Counts; !maps.Equal(got, map[string]int64{"wholes": 0, "parts": 0, "empty": 0, "under_way": 0}) {
		t.Errorf("Test Messages count: %v", got)
	}
}

// A part that fails is tried again, and becomes a dead letter alone; or its whole does.
func TestSplitter_Failure(t *testing.T) {
	for failure, want := range map[routing.PartFailure]string{
		"":     "[1 3] dead [2] invalid [4]",
		"part": "[1 3] dead [2] invalid [4]",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newSplitFlow(splitter("lines", func(s *routing.Splitter) { s.Failure = failure; s.InFlight.Set(1) }), typedAs("1\n2\n3\n4", ""))
			f.To = failing(&f.out, map[string]error{"2": errors.New("no"), "4": eip.Invalid(errors.New("never"))})
			f.run(t)
			if got := fmt.Sprintf("%v dead %v invalid %v", f.out.Bodies(), f.dead.Bodies(), f.invalid.Bodies()); got != want {
				t.Errorf("%q: %s, want %s", failure, got, want)
			}
			if c, _ := f.Counts(); c.Received != 1 || c.Absorbed != 1 || c.Made != 4 || c.Sent != 2 || c.DeadLettered != 1 || c.Invalid != 1 {
				t.Errorf("counts %+v", c)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		split := splitter("lines", func(s *routing.Splitter) { s.Failure = routing.WholeFails })
		f := newSplitFlow(split, typedAs("1\n2\n3", ""), typedAs("4\n5", ""))
		f.To = failing(&f.out, map[string]error{"2": errors.New("no")})
		f.run(t)
		if got := fmt.Sprintf("%v dead %v", f.out.Bodies(), f.dead.Bodies()); got != "[1 4 5 1 1] dead [1\n2\n3]" {
			t.Errorf("whole: %s", got)
		}
		if got := split.Stats().Counts; got["wholes"] != 2 || got["parts"] != 5 {
			t.Errorf("whole: counts %v", got)
		}
		if text := fmt.Sprint(f.dead.Messages()[0].Headers[header.Error]); !strings.Contains(text, "part 2: no") {
			t.Errorf("whole: it says %s", text)
		}
	})
}

// failing is a sink that fails for some bodies.
func failing(to eip.Handler, errs map[string]error) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		if err := errs[string(m.Body())]; err != nil {
			return err
		}
		return to.Handle(ctx, m)
	})
}

func TestSplitter_Empty(t *testing.T) {
	for choice, want := range map[routing.EmptyWhole]string{
		routing.EmptyDropped: "[] [] dropped 1 sent 0", routing.EmptyPasses: "[{\"items\":[]}] [] dropped 0 sent 1", routing.EmptyInvalid: "[] [{\"items\":[]}] dropped 0 sent 0",
	} {
		split := splitter("", func(s *routing.Splitter) { s.Empty = choice })
		f := newSplitFlow(split, typedAs(`{"items":[]}`, ""))
		f.run(t)
		c, _ := f.Counts()
		if got := fmt.Sprintf("%v %v dropped %d sent %d", f.out.Bodies(), f.invalid.Bodies(), c.Dropped, c.Sent); got != want {
			t.Errorf("%s: %s, want %s", choice, got, want)
		}
		if n := split.Stats().Counts; n["empty"] != 1 || n["wholes"] != 1 {
			t.Errorf("%s: counts %v", choice, n)
		}
	}
}

// With a reader that takes nothing, no more than in_flight parts are under way, nor more
// than 64 MiB of them; and the whole is not settled before all have.
func TestSplitter_IsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		size, number, inFlight, most int
	}{"by number": {10, 200_000, 100, 100}, "by bytes": {1 << 20, 200, 1000, 64}, "one at a time": {1, 10, 1, 1}} {
		for _, failure := range []routing.PartFailure{routing.PartFails, routing.WholeFails} {
			t.Run(name+" "+string(failure), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					line := strings.Repeat("x", c.size) + "\n"
					settled := false
					whole := eip.New([]byte(strings.Repeat(line, c.number)), func(err error) { settled = err == nil })
					split := splitter("lines", func(s *routing.Splitter) { s.InFlight.Set(c.inFlight); s.Failure = failure })
					f := newSplitFlow(split)
					f.Source = &one{whole}
					var mu sync.Mutex
					var held []func(error)
					n, most := 0, 0
					f.To = eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
						mu.Lock()
						defer mu.Unlock()
						held = append(held, m.Hold())
						n, most = n+1, max(most, len(held))
						return nil
					})
					ended := make(chan struct{})
					go func() { f.run(t); close(ended) }()
					for n := -1; n != 0; {
						synctest.Wait()
						mu.Lock()
						release := held
						held = nil
						mu.Unlock()
						if n = len(release); n > 0 && settled {
							t.Fatal("the whole is settled before its parts")
						}
						for _, r := range release {
							r(nil)
						}
					}
					<-ended
					if n != c.number || most != c.most || !settled {
						t.Errorf("%d parts, at most %d under way, settled %v; want %d and %d", n, most, settled, c.number, c.most)
					}
				})
			})
		}
	}
}

// one is a source of a single message, which is settled as it is.
type one struct{ m *eip.Message }

func (s *one) Receive(context.Context) (m *eip.Message, err error) {
	if m, s.m = s.m, nil; m == nil {
		err = io.EOF
	}
	return m, err
}

func TestSplitter_Validate(t *testing.T) {
	pass := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) })
	gathers := func(stages ...eip.Stage) func(*routing.Splitter) {
		return func(s *routing.Splitter) { s.Each.Stages, s.Gather = stages, &routing.Gather{} }
	}
	for name, c := range map[string]struct {
		set    func(*routing.Splitter)
		option string
		ok     bool
	}{
		"parts":                 {set: func(*routing.Splitter) {}, ok: true},
		"nothing":               {set: func(s *routing.Splitter) { s.Parts = nil }},
		"parts and format":      {set: func(s *routing.Splitter) { s.Format = "lines" }, option: "format"},
		"path without array":    {set: func(s *routing.Splitter) { s.Path = "a" }, option: "path"},
		"path with empty key":   {set: func(s *routing.Splitter) { s.Parts, s.Format, s.Path = nil, "json_array", "a..b" }, option: "path"},
		"nothing in flight":     {set: func(s *routing.Splitter) { s.InFlight.Set(0) }, option: "in_flight"},
		"each without gather":   {set: func(s *routing.Splitter) { s.Each.Stages = []eip.Stage{pass} }, option: "each"},
		"gather without each":   {set: gathers(), option: "gather"},
		"both":                  {set: gathers(pass), ok: true},
		"negative timeout":      {set: func(s *routing.Splitter) { gathers(pass)(s); s.Gather.Timeout = -1 }, option: "gather"},
		"a splitter in each":    {set: gathers(splitter("lines", nil)), option: "each"},
		"a gathering in each":   {set: gathers(splitter("lines", gathers(pass))), ok: true},
		"a batch in each":       {set: gathers(routing.NewBatch()), option: "each"},
		"plugins in each":       {set: gathers(&routing.Dispatch{}), ok: true},
		"a plugin's delay":      {set: gathers(&routing.Dispatch{Plugin: []*routing.Plugin{plugin("a", nil, routing.NewDelay())}}), option: "each"},
		"a finisher in each":    {set: gathers(finisher{}), option: "each"},
		"deep in each, as well": {set: gathers(&routing.ContentRouter{When: []*routing.When{{Body: eip.Pipe{Stages: []eip.Stage{finisher{}}}}}}), option: "each"},
	} {
		err := splitter("", c.set).Validate()
		if (err == nil) != c.ok || optionOf(err) != c.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// finisher makes messages at the end.
type finisher struct{}

func (finisher) Process(context.Context, *eip.Message, eip.Handler) error { return nil }
func (finisher) Close(context.Context) error                              { return nil }
func (finisher) Finish(context.Context) error                             { return nil }

func TestSplitter_Contract(t *testing.T) {
	three := []*eip.Message{eiptest.Message("a\nb\nc")}
	follows := func(failure routing.PartFailure) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			return splitter("lines", func(s *routing.Splitter) { s.Failure = failure })
		}
	}
	t.Run("part", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: follows("part"), Inputs: three, Sends: 3})
	})
	t.Run("whole", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: follows("whole"), Inputs: three, Sends: 3})
	})
	t.Run("no list", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return splitter("json_array", nil) }, Inputs: three, Outcome: eiptest.Rejects})
	})
	t.Run("gather", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: func(target eip.Handler) eip.Stage {
			return splitter("lines", func(s *routing.Splitter) {
				s.Each.Stages, s.Gather = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					return errors.Join(target.Handle(ctx, m), next.Handle(ctx, m))
				})}, &routing.Gather{}
			})
		}, Inputs: three, Sends: 4})
	})
}

// However long a body is, no more of it is in memory twice than the parts under way.
func TestSplitter_LargeBodies(t *testing.T) {
	if testing.Short() {
		t.Skip("bodies of 100 MB")
	}
	element := `{"sku":"a-1","note":"` + strings.Repeat("x", 1000) + `"}`
	for format, c := range map[routing.PartFormat]struct{ before, between string }{
		"lines": {"", "\n"}, "json_lines": {"", "\n"}, "json_array": {"[", ","}, "csv": {"a\n", "\n"},
	} {
		part, size := element, 20<<20
		if format == "json_array" {
			size *= 5
		}
		if format == "csv" {
			part = strings.Repeat("x", 1000)
		}
		n := size / len(part)
		body := make([]byte, 0, size+size/64)
		body = append(body, c.before...)
		for i := range n {
			if i > 0 {
				body = append(body, c.between...)
			}
			body = append(body, part...)
		}
		if c.before == "[" {
			body = append(body, ']')
		}
		live := func() int64 {
			var s runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&s)
			return int64(s.HeapAlloc)
		}
		before, most, got := live(), int64(0), 0
		f := newSplitFlow(splitter(format, nil))
		f.Source = &one{eip.New(body, nil)}
		f.To = eip.HandlerFunc(func(context.Context, *eip.Message) error {
			if got++; got%(n/5) == 0 {
				most = max(most, live()-before)
			}
			return nil
		})
		f.run(t)
		if got != n || most > 4<<20 {
			t.Errorf("%s: %d of %d parts, and %d bytes beside the body", format, got, n, most)
		}
		runtime.KeepAlive(body)
	}
}
