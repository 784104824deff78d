package timer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/adapter/timer"
	"github.com/eipd/eipd/eip/eiptest"
)

func ExampleAdapter() {
	tick := timer.New()
	tick.Every = time.Millisecond
	tick.Count = 2
	tick.Body = map[string]any{"hello": "world"}
	adaptertest.Show(tick)
	// Output:
	// {"hello":"world"}
	// {"hello":"world"}
}

func TestTimer_Ticks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := timer.New()
		a.Every, a.Count = 10*time.Second, 4
		s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
		defer adaptertest.Close(t, s)
		start := time.Now()
		// After the second message the flow is busy for two and a half ticks.
		for i, want := range []time.Duration{0, 10 * time.Second, 35 * time.Second, 40 * time.Second} {
			m := adaptertest.Receive(t, s, 1)[0]
			if d := time.Since(start); d != want {
				t.Errorf("message %d came after %v, want %v", i+1, d, want)
			}
			if m.Sequence != (eip.Sequence{Number: i + 1, Size: 4}) || !m.Timestamp.Equal(time.Now()) {
				t.Errorf("message %d: sequence %+v, timestamp %v", i+1, m.Sequence, m.Timestamp)
			}
			if i == 1 {
				time.Sleep(25 * time.Second)
			}
		}
		if more := adaptertest.Rest(t, s); more != nil {
			t.Errorf("%d messages after the last", len(more))
		}
	})
}

func TestTimer_Cron(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock begins at midnight UTC
		a := timer.New()
		a.Cron, a.Count = "*/10 * * * *", 4
		s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
		defer adaptertest.Close(t, s)
		start := time.Now()
		for i, want := range []time.Duration{10 * time.Minute, 20 * time.Minute, 45 * time.Minute, 50 * time.Minute} {
			adaptertest.Receive(t, s, 1)
			if d := time.Since(start); d != want {
				t.Errorf("message %d came after %v, want %v", i+1, d, want)
			}
			if i == 1 {
				time.Sleep(25 * time.Minute) // the flow is busy
			}
		}
	})
}

func TestTimer_Body(t *testing.T) {
	tests := map[string]struct {
		body              any
		want, contentType string
	}{
		"none":    {nil, "", ""},
		"text":    {"tick <1>", "tick <1>", ""},
		"object":  {map[string]any{"a": []any{1, "<"}}, `{"a":[1,"<"]}`, "application/json"},
		"number":  {1.5, "1.5", "application/json"},
		"boolean": {false, "false", "application/json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := timer.New()
			a.Every, a.Count, a.Body = time.Hour, 1, tt.body
			s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
			defer adaptertest.Close(t, s)
			m := adaptertest.Receive(t, s, 1)[0]
			if string(m.Body()) != tt.want || m.ContentType != tt.contentType {
				t.Errorf("got %q of %q, want %q of %q", m.Body(), m.ContentType, tt.want, tt.contentType)
			}
		})
	}
}

func TestTimer_Validate(t *testing.T) {
	tests := map[string]struct {
		timer timer.Adapter
		want  string
	}{
		"good":     {timer.Adapter{Every: time.Second}, ""},
		"cron":     {timer.Adapter{Cron: "0 6 * * 1-5", Zone: "UTC"}, ""},
		"no cron":  {timer.Adapter{Cron: "0 6 * *", Zone: "UTC"}, "cron"},
		"no zone":  {timer.Adapter{Cron: "0 6 * * *", Zone: "Mars"}, "zone"},
		"both":     {timer.Adapter{Cron: "0 6 * * *", Zone: "UTC", Every: 1}, "cron"},
		"no time":  {timer.Adapter{}, "every"},
		"back":     {timer.Adapter{Every: -1}, "every"},
		"count":    {timer.Adapter{Every: 1, Count: -1}, "count"},
		"bad body": {timer.Adapter{Every: 1, Body: func() {}}, "body"},
	}
	for name, tt := range tests {
		if got := adaptertest.Blames(tt.timer.Validate()); got != tt.want {
			t.Errorf("%s: blames %q, want %q", name, got, tt.want)
		}
	}
}
