package timer

import (
	"testing"
	"time"
	_ "time/tzdata" // the machine may have none
)

func TestCron_Next(t *testing.T) {
	for _, c := range []struct{ cron, zone, after, want string }{
		{"* * * * *", "UTC", "2026-01-31T23:59:30Z", "2026-02-01T00:00:00Z"},
		{"*/15 * * * *", "UTC", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"},
		{"5/20 3,4 * * *", "UTC", "2026-01-01T03:45:00Z", "2026-01-01T04:05:00Z"},
		{"30 6 * * mon-fri", "UTC", "2026-01-02T06:30:00Z", "2026-01-05T06:30:00Z"},
		{"0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"0 0 13 * Fri", "UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},  // either day
		{"0 0 */2 * fri", "UTC", "2026-01-01T00:00:00Z", "2026-01-09T00:00:00Z"}, // both
		{"0 12 29 feb *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z"},
		{"0 12 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T12:00:00Z"},
		{"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"},
		{"0 8 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T02:15:00Z"},
		{"30 2 * * *", "Europe/Zurich", "2026-03-28T02:00:00Z", "2026-03-30T00:30:00Z"},    // 2:30 is not there on the 29th
		{"30 2 * * *", "Europe/Zurich", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},    // 2:30 is there twice on the 25th
		{"30 * * * *", "Europe/Zurich", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},    // of every hour
		{"0 0 * * *", "America/Sao_Paulo", "2018-11-03T04:00:00Z", "2018-11-05T02:00:00Z"}, // the 4th has no midnight
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseCron(c.cron, zone)
		if err != nil {
			t.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, c.after)
		if got := s.next(after).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s after %s: %s, want %s", c.cron, c.zone, c.after, got, c.want)
		}
	}
}

func TestCron_Wrong(t *testing.T) {
	for _, text := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 * ", "* * * - *", "* * * * 8", "-1 * * * *", "+1 * * * *",
		"5-1 * * * *", "*/0 * * * *", "*/ * * * *", "*/99999999999999999999 * * * *", "1, * * * *", "* * 30 2 *", "* * * * monday", "@daily", "a * * * *", "1-2-3 * * * *"} {
		if s, err := parseCron(text, time.UTC); err == nil {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func FuzzCron(f *testing.F) {
	f.Add("*/7 1-5/2,9 1,31 feb-dec mon,7")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseCron(text, time.UTC)
		if err != nil {
			return
		}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 3 {
			next := s.next(at)
			if !next.After(at) {
				t.Fatalf("%q: %v after %v", text, next, at)
			}
			at = next
		}
	})
}
