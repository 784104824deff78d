package routing_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func throttled(rate float64, per time.Duration, burst int) *routing.Throttle {
	t := routing.NewThrottle()
	t.Rate.Set(routing.Rate(rate))
	t.Per, t.Burst = per, burst
	return t
}

func TestThrottle_Contract(t *testing.T) {
	many := []*eip.Message{eiptest.Message("a"), eiptest.Message("b"), eiptest.Message("c")}
	for name, c := range map[string]eiptest.StageCase{
		"passes": {New: func(eip.Handler) eip.Stage { return throttled(100, time.Second, 1) }},
		"waits":  {New: func(eip.Handler) eip.Stage { return throttled(3, time.Second, 1) }, Inputs: many},
		"aside": {New: func(to eip.Handler) eip.Stage {
			s := throttled(1, time.Hour, 1)
			s.ExcessTo = to
			return s
		}, Inputs: many},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestThrottle_Validate(t *testing.T) {
	both := throttled(1, time.Second, 1)
	both.Excess, both.ExcessTo = routing.ExcessIsDropped, eip.Discard
	for name, c := range map[string]struct {
		stage  *routing.Throttle
		option string
	}{
		"good":         {throttled(0.1, time.Minute, 3), ""},
		"none":         {throttled(0, time.Second, 1), "rate"},
		"less":         {throttled(-1, time.Second, 1), "rate"},
		"no number":    {throttled(math.NaN(), time.Second, 1), "rate"},
		"endless":      {throttled(math.Inf(1), time.Second, 1), "rate"},
		"no time":      {throttled(1, 0, 1), "per"},
		"no burst":     {throttled(1, time.Second, 0), "burst"},
		"drop and not": {both, "excess_to"},
	} {
		if err := c.stage.Validate(); (err == nil) != (c.option == "") || optionOf(err) != c.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// times are when messages came.
type times struct {
	mu    sync.Mutex
	begin time.Time
	all   []time.Duration
}

func (s *times) Handle(context.Context, *eip.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, time.Since(s.begin).Round(time.Millisecond))
	return nil
}

func TestThrottle_Paces(t *testing.T) {
	for name, c := range map[string]struct {
		rate  float64
		per   time.Duration
		burst int
		lanes int
		want  string
	}{
		"evenly":         {2, time.Second, 1, 1, "[0s 500ms 1s 1.5s 2s 2.5s]"},
		"a burst":        {2, time.Second, 4, 1, "[0s 0s 0s 0s 500ms 1s]"},
		"by the minute":  {1, time.Minute, 1, 1, "[0s 1m0s 2m0s 3m0s 4m0s 5m0s]"},
		"a part":         {0.5, time.Second, 1, 1, "[0s 2s 4s 6s 8s 10s]"},
		"of all lanes":   {2, time.Second, 1, 4, "[0s 500ms 1s 1.5s 2s 2.5s]"},
		"less than most": {1e9, time.Second, 1, 1, "[0s 0s 0s 0s 0s 0s]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, out := throttled(c.rate, c.per, c.burst), &times{begin: time.Now()}
				f := &eip.Flow{Name: "f", Source: eiptest.NewNumbers(6), Stages: []eip.Stage{s}, To: out, Concurrency: c.lanes}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(out.all); got != c.want {
					t.Errorf("came at %s, want %s", got, c.want)
				}
				if got := s.Stats(); got.Counts["passed"] != 6 || got.Counts["waiting"] != 0 || got.Counts["waited"] != got.Times["wait"].Durations().Count {
					t.Errorf("counts %v", got.Counts)
				}
			})
		})
	}
}

func TestThrottle_DropsOrSendsAside(t *testing.T) {
	for _, aside := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, out := throttled(1, time.Second, 2), &times{begin: time.Now()}
			var other eiptest.Recorder
			if s.Excess = routing.ExcessIsDropped; aside {
				s.Excess, s.ExcessTo = routing.ExcessWaits, &other
			}
			source := &paused{eiptest.NewNumbers(9), 400 * time.Millisecond}
			f := &eip.Flow{Name: "f", Source: source, Stages: []eip.Stage{s}, To: out}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprint(out.all), "[400ms 800ms 1.6s 2.4s 3.6s]"; got != want {
				t.Errorf("passed at %s, want %s", got, want)
			}
			c, _ := f.Counts()
			if s.Stats().Counts["excess"] != 4 || aside != (len(other.Messages()) == 4) || aside != (c.Dropped == 0) {
				t.Errorf("counts %v, %+v, and aside went %v", s.Stats().Counts, c, other.Bodies())
			}
		})
	}
}

// paused gives its messages with a pause before each.
type paused struct {
	eip.Source
	pause time.Duration
}

func (p *paused) Receive(ctx context.Context) (*eip.Message, error) {
	time.Sleep(p.pause)
	return p.Source.Receive(ctx)
}

// A rate that is set while a message waits for hours counts for it.
func TestThrottle_RateIsSetWhileOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out := throttled(1, 10*time.Hour, 1), &times{begin: time.Now()}
		f := &eip.Flow{Name: "f", Source: eiptest.NewNumbers(3), Stages: []eip.Stage{s}, To: out}
		time.AfterFunc(90*time.Minute, func() { s.Rate.Set(36000) })
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(out.all) != 3 || out.all[2] > 91*time.Minute {
			t.Errorf("came at %v", out.all)
		}
	})
}

func TestThrottle_HeedsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := throttled(1, time.Hour, 1)
		if err := s.Open(t.Context(), eiptest.Env()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var over sync.WaitGroup
		for i := range 3 {
			over.Go(func() {
				if _, err := eiptest.Process(ctx, s, eiptest.Message("x")); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		if got := s.Stats().Counts; got["waiting"] != 2 || got["passed"] != 1 {
			t.Errorf("counts %v", got)
		}
		stop()
		over.Wait()
		if got := s.Stats().Counts; got["waiting"] != 0 || got["passed"] != 1 {
			t.Errorf("at the end %v", got)
		}
	})
}

func BenchmarkThrottle(b *testing.B) {
	s := throttled(1e9, time.Second, 1000)
	if err := s.Open(b.Context(), eiptest.Env()); err != nil {
		b.Fatal(err)
	}
	head := eip.Chain([]eip.Stage{s}, eip.Discard)
	m := eiptest.Message("x")
	b.ReportAllocs()
	for b.Loop() {
		if err := head.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
