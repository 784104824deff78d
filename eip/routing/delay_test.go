package routing_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// bodyText is an expression that gives the body.
func bodyText() (eip.Text, error) {
	return func(_ context.Context, m *eip.Message) (string, error) { return string(m.Body()), nil }, nil
}

func delayIn(s store.Store, text string) *routing.Delay {
	d := routing.NewDelay()
	d.Store = store.In(s)
	d.For = adapter.Program{Source: text}
	if text == "body" {
		d.For.Text = bodyText
	}
	return d
}

func TestDelay_Contract(t *testing.T) {
	waits := func(text string) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage { return delayIn(memory.New(), text) }
	}
	until := func(v any, err error) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			d := delayIn(memory.New(), "")
			d.Until = func(context.Context, *eip.Message) (any, error) { return v, err }
			return d
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"waits":        {New: waits("10m"), Outcome: eiptest.Drops},
		"not at all":   {New: waits("0s")},
		"time is past": {New: until("1999-12-31T23:59:59+01:00", nil)},
		"too long":     {New: until(time.Now().Add(1000*time.Hour), nil), Outcome: eiptest.Rejects},
		"no time":      {New: until("tomorrow", nil), Outcome: eiptest.Rejects},
		"a number":     {New: until(17, nil), Outcome: eiptest.Rejects},
		"no duration":  {New: waits("body"), Outcome: eiptest.Rejects},
		"fails":        {New: until(nil, errNotThere), Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestDelay_Validate(t *testing.T) {
	both := delayIn(nil, "1s")
	both.Until = func(context.Context, *eip.Message) (any, error) { return nil, nil }
	short := delayIn(nil, "2h")
	short.Max = time.Hour
	never := delayIn(nil, "2h")
	never.Max = 0
	wrong := errors.New("it does not compile")
	compiled := delayIn(nil, "body.")
	compiled.For.Text = func() (eip.Text, error) { return nil, wrong }
	for name, c := range map[string]struct {
		stage  *routing.Delay
		option string
		says   string
	}{
		"nothing":  {routing.NewDelay(), "", "for ="},
		"both":     {both, "until", "leave one out"},
		"too long": {short, "for", "longer than max"},
		"max":      {never, "max", "more than 0s"},
		"no time":  {delayIn(nil, "soon"), "for", "no duration"},
		"program":  {compiled, "", wrong.Error()},
		"negative": {delayIn(nil, "-1s"), "for", "no time to wait"},
		"no unit":  {programmed("10"), "for", "no duration"},
		"days":     {programmed("7d"), "for", "a day is 24h"},
	} {
		if err := c.stage.Validate(); err == nil || optionOf(err) != c.option || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// programmed is a delay whose for would compile, if it were asked.
func programmed(source string) *routing.Delay {
	d := delayIn(nil, source)
	d.For.Text = func() (eip.Text, error) { return nil, nil }
	return d
}

// live is a source that goes on until it is told to end.
type live chan *eip.Message

func (l live) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m := <-l:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// arrivals are messages with the time at which they came.
type arrivals struct {
	mu    sync.Mutex
	begin time.Time
	all   []string
	last  *eip.Message
}

func (a *arrivals) Handle(_ context.Context, m *eip.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, fmt.Sprint(m.ID, "@", time.Since(a.begin)))
	a.last = m
	return nil
}

func (a *arrivals) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprint(a.all)
}

func delayed(id, wait string) *eip.Message {
	return eip.New([]byte(wait), nil).With(func(m *eip.Message) { m.ID = id })
}

func TestDelay_GoesOnInTheOrderOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := delayIn(memory.New(), "body")
		out := arrivals{begin: time.Now()}
		f := &eip.Flow{Name: "f", Stages: []eip.Stage{&eip.Named{Address: "f.delay", Stage: d}}, To: &out,
			Source: eiptest.NewSource(delayed("a", "3s"), delayed("b", "1s"), delayed("c", "-1s"), delayed("d", "3s"), delayed("e", "0s"), delayed("f", "1ns"))}
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), "[c@0s e@0s f@1ns b@1s a@3s d@3s]"; got != want {
			t.Errorf("came %s, want %s", got, want)
		}
		c, _ := f.Counts()
		if c.Received != 6 || c.Absorbed != 4 || c.Made != 4 || c.Sent != 6 || c.InFlight != 0 {
			t.Errorf("counts %+v", c)
		}
		if got := d.Stats().Counts; got["delayed"] != 4 || got["direct"] != 2 {
			t.Errorf("its own counts %v", got)
		}
	})
}

func TestDelay_KeepsTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		in := eip.New([]byte(`{"a":1}`), nil).With(func(m *eip.Message) {
			m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key, m.UserID, m.AppID = "id", "cor", "replies", "T", "application/json", "gzip", "k", "u", "app"
			m.Timestamp, m.Expiration, m.Priority, m.Delivery = now, time.Minute, 7, eip.Persistent
			m.Sequence = eip.Sequence{ID: "s", Number: 2, Size: 3}
			m.Headers = eip.Headers{"n": int64(1), "list": []any{"x", true}, header.Test: "t1"}
		})
		var out arrivals
		f := &eip.Flow{Name: "f", Stages: []eip.Stage{delayIn(memory.New(), "1m")}, To: &out, Source: eiptest.NewSource(in)}
		if err := f.Stages[0].(*routing.Delay).Validate(); err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, want := *out.last, *in
		for _, name := range []string{"ID", "CorrelationID", "ReplyTo", "Type", "ContentType", "Encoding", "Key", "UserID", "AppID", "Timestamp", "Expiration", "Priority", "Delivery", "Sequence", "Headers"} {
			a, b := reflect.ValueOf(got).FieldByName(name).Interface(), reflect.ValueOf(want).FieldByName(name).Interface()
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s is %v, want %v", name, a, b)
			}
		}
		if string(got.Body()) != `{"a":1}` || !got.IsTest() {
			t.Errorf("body %s, a Test Message: %v", got.Body(), got.IsTest())
		}
		if business, tests := f.Counts(); business.Received+business.Made != 0 || tests.Absorbed != 1 || tests.Made != 1 || tests.Sent != 1 {
			t.Errorf("counts %+v, of tests %+v", business, tests)
		}
	})
}

// What became due while nothing ran goes on after the start, and waits for a channel that
// is away (spring-integration#2543).
func TestDelay_LastsLongerThanTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		s := memory.New()
		ctx, stop := context.WithCancel(t.Context())
		source := make(live)
		d := delayIn(s, "1s")
		out := arrivals{begin: time.Now()}
		run := func(ctx context.Context, to eip.Handler, dead eip.Handler) error {
			if err := d.Validate(); err != nil {
				return err
			}
			return (&eip.Flow{Name: "f", Source: source, Stages: []eip.Stage{d}, To: to, DeadLetter: dead}).Run(ctx)
		}
		ended := make(chan error)
		go func() { ended <- run(ctx, &out, nil) }()
		for i := range n {
			source <- delayed(fmt.Sprint(i), "")
		}
		synctest.Wait()
		if !d.Busy() {
			t.Error("it is not busy")
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if d.Busy() {
			t.Error("it is busy though it is closed")
		}
		time.Sleep(10 * time.Second)

		ctx, stop = context.WithCancel(t.Context())
		back, dead := time.Now().Add(5*time.Second), &eiptest.Recorder{}
		d = delayIn(s, "1s")
		go func() {
			ended <- run(ctx, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if time.Now().Before(back) {
					return eip.Unavailable(errors.New("it is away"), 0)
				}
				return out.Handle(ctx, m)
			}), dead)
		}()
		time.Sleep(time.Minute)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if len(out.all) != n || len(dead.Messages()) != 0 {
			t.Errorf("%d came, and %d dead letters, want %d and none", len(out.all), len(dead.Messages()), n)
		}
	})
}

// slow is a store that takes its time to commit.
type slow struct {
	store.Store
}

type slowSpace struct {
	store.Space
	of *slow
}

func (s *slow) Space(name string) (store.Space, error) {
	p, err := s.Store.Space(name)
	return slowSpace{p, s}, err
}

func (p slowSpace) Store() store.Store { return p.of }

func (s *slow) Commit(origin any, steps []store.Step, done func(int, error)) {
	time.AfterFunc(200*time.Millisecond, func() {
		inner := slices.Clone(steps)
		for i := range inner {
			inner[i].Space = inner[i].Space.(slowSpace).Space
		}
		s.Store.Commit(origin, inner, done)
	})
}

// Nothing goes on before it is committed, however short its time is, and nothing is stuck
// (spring-integration#3521).
func TestDelay_WithASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := delayIn(&slow{Store: memory.New()}, "1ms")
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		out := arrivals{}
		var early int
		begin := time.Now()
		f := &eip.Flow{Name: "f", Stages: []eip.Stage{d}, Source: eiptest.NewNumbers(1000), To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if time.Since(begin) < 200*time.Millisecond {
				early++
			}
			return out.Handle(ctx, m)
		})}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(out.all) != 1000 || early > 0 {
			t.Errorf("%d came, %d of them before they were written down", len(out.all), early)
		}
	})
}

// What one stage remembers is nothing to another of the same store (spring-integration#2213).
func TestDelay_TwoInOneStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		first, second := delayIn(s, "1s"), delayIn(s, "1h")
		for _, d := range []*routing.Delay{first, second} {
			if err := d.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		out := arrivals{begin: time.Now()}
		f := &eip.Flow{Name: "f", To: &out, Source: eiptest.NewSource(delayed("a", ""), delayed("a", "")),
			Stages: []eip.Stage{&eip.Named{Address: "f.first", Stage: first}, &eip.Named{Address: "f.second", Stage: second}}}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "[a@1h0m1s a@1h0m1s]" {
			t.Errorf("came %s", got)
		}
	})
}

func ExampleDelay() {
	delay := routing.NewDelay()
	delay.For = adapter.Program{Source: "20ms"}
	delay.Store = store.In(memory.New())
	if err := delay.Validate(); err != nil {
		fmt.Println(err)
	}
	flow := &eip.Flow{Name: "later", Source: eiptest.NewTexts("hello"), Stages: []eip.Stage{delay}, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})}
	if err := flow.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: hello
}
