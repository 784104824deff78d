package timer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A schedule is the five fields of cron, as sets of bits: minute, hour, day of the
// month, month and day of the week.
type schedule struct {
	fields [5]uint64
	// Where both days are restricted, either is enough, as in every cron.
	anyDay bool
	zone   *time.Location
}

var cronFields = [5]struct {
	name      string
	low, high int
	words     []string
}{
	{"minute", 0, 59, nil}, {"hour", 0, 23, nil}, {"day of the month", 1, 31, nil},
	{"month", 1, 12, strings.Fields("- jan feb mar apr may jun jul aug sep oct nov dec")},
	{"day of the week", 0, 7, strings.Fields("sun mon tue wed thu fri sat")},
}

// cronYears is how far the next tick may be away: a 29th of February, once the year
// 2100 is passed over.
const cronYears = 9

func parseCron(text string, zone *time.Location) (*schedule, error) {
	parts := strings.Fields(text)
	if len(parts) != len(cronFields) {
		return nil, fmt.Errorf("%q has %d fields; write minute, hour, day of the month, month and day of the week, as in \"30 6 * * mon-fri\"", text, len(parts))
	}
	s := &schedule{zone: zone}
	for i, part := range parts {
		for element := range strings.SplitSeq(part, ",") {
			bits, err := cronElement(i, element)
			if err != nil {
				return nil, fmt.Errorf("%q is no %s in %q: %w", element, cronFields[i].name, text, err)
			}
			s.fields[i] |= bits
		}
	}
	s.fields[4] |= s.fields[4] >> 7 & 1 // 7 is Sunday too
	s.anyDay = !strings.HasPrefix(parts[2], "*") && !strings.HasPrefix(parts[4], "*")
	if s.next(time.Now()).IsZero() {
		return nil, fmt.Errorf("there is no such day as in %q", text)
	}
	return s, nil
}

// cronElement reads *, a number or name, a range of them, each perhaps with a /step.
func cronElement(field int, text string) (bits uint64, err error) {
	f := cronFields[field]
	span, by, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		if step, err = strconv.Atoi(by); err != nil || step < 1 || step > f.high {
			return 0, fmt.Errorf("the step must be a number from 1 to %d", f.high)
		}
	}
	low, high := f.low, f.high
	if span != "*" {
		from, to, ranged := strings.Cut(span, "-")
		if low, err = cronValue(field, from); err != nil {
			return 0, err
		}
		switch {
		case ranged:
			high, err = cronValue(field, to)
		case !stepped: // 5/10 is 5-59/10
			high = low
		}
		if err == nil && high < low {
			err = fmt.Errorf("%s comes before %s", to, from)
		}
		if err != nil {
			return 0, err
		}
	}
	for v := low; v <= high; v += step {
		bits |= 1 << v
	}
	return bits, nil
}

func cronValue(field int, text string) (int, error) {
	f := cronFields[field]
	if i := slices.Index(f.words, strings.ToLower(text)); i >= f.low {
		return i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high || strings.ContainsAny(text, "+-") {
		return 0, fmt.Errorf("it must be from %d to %d", f.low, f.high)
	}
	return n, nil
}

func (s *schedule) has(field, value int) bool { return s.fields[field]>>value&1 == 1 }

func (s *schedule) day(t time.Time) bool {
	month, week := s.has(2, t.Day()), s.has(4, int(t.Weekday()))
	if s.anyDay {
		return month || week
	}
	return month && week
}

// next returns the first tick after a time. Where clocks go forward over it, it is
// left out; where they go back, what falls into the hour that comes twice comes once,
// unless it is of every hour.
func (s *schedule) next(after time.Time) time.Time {
	after = after.In(s.zone)
	y, mo, d := after.Date()
	for n := range cronYears * 366 {
		day := time.Date(y, mo, d+n, 12, 0, 0, 0, s.zone) // noon is there on every day
		if !s.has(3, int(day.Month())) || !s.day(day) {
			continue
		}
		if t := s.within(day, after); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// within returns the first tick of a day that is after a time.
func (s *schedule) within(day, after time.Time) time.Time {
	every := s.fields[1] == 1<<24-1
	seen := map[int]bool{}
	for t := day.Add(-15 * time.Hour).Truncate(time.Minute); ; t = t.Add(time.Minute) {
		switch another := t.Day() != day.Day(); {
		case another && t.After(day):
			return time.Time{}
		case another, !s.has(1, t.Hour()), !s.has(0, t.Minute()):
			continue
		}
		clock := t.Hour()*60 + t.Minute()
		if seen[clock] && !every {
			continue
		}
		seen[clock] = true
		if t.After(after) {
			return t
		}
	}
}
