package flow

import (
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
)

// PollBlock has a flow ask for messages now and then, and leave them where they are
// meanwhile (Polling Consumer).
type PollBlock struct {
	// The time from the beginning of a poll to that of the next one. Without it, there is
	// one poll as long as between says.
	Every time.Duration `flow:"every"`
	// How many messages a poll takes at most, and how many are unsettled at most: a poll
	// leaves room for what is tried again or waits in a stage. Without it, or with 0, it
	// takes all that are there, and ends when none has come for a second.
	Batch int `flow:"batch"`
	// The hours in which messages are taken, as in "08:00-18:00"; "22:00-06:00" is over
	// midnight. Without it, all.
	Between string `flow:"between"`
	// The time zone of between, such as Europe/Zurich. Without it, UTC.
	Zone string `flow:"zone"`

	from, to int // minutes of the day; equal: the whole day
	zone     *time.Location
}

// Validate checks the options.
func (p *PollBlock) Validate() (err error) {
	if p.zone, err = time.LoadLocation(p.Zone); err != nil {
		return eip.OptionErrorf("zone", "%q is no time zone that this machine knows, such as Europe/Zurich", p.Zone)
	}
	if p.Between != "" {
		if p.from, p.to, err = hours(p.Between); err != nil {
			return &eip.OptionError{Option: "between", Err: err}
		}
	}
	switch {
	case p.Every < 0:
		return eip.OptionErrorf("every", "it must be longer than 0s")
	case p.Batch < 0:
		return eip.OptionErrorf("batch", "it must be 0 or more")
	case p.Batch > 0 && p.Every == 0:
		return eip.OptionErrorf("batch", "a batch is taken every so often; say every, too")
	case p.Every == 0 && p.Between == "":
		return eip.OptionErrorf("every", "say when messages are taken: every, between or both")
	}
	return nil
}

// hours reads a part of the day.
func hours(text string) (from, to int, err error) {
	var h, m [2]int
	if n, err := fmt.Sscanf(text, "%d:%2d-%d:%2d", &h[0], &m[0], &h[1], &m[1]); n != 4 || err != nil || fmt.Sprintf("%02d:%02d-%02d:%02d", h[0], m[0], h[1], m[1]) != text {
		return 0, 0, fmt.Errorf(`%q is no part of a day; write it as in "08:00-18:00"`, text)
	}
	for i := range h {
		if h[i] < 0 || m[i] < 0 || m[i] > 59 || h[i]*60+m[i] > 24*60 {
			return 0, 0, fmt.Errorf("there is no %02d:%02d", h[i], m[i])
		}
	}
	if from, to = h[0]*60+m[0], h[1]*60+m[1]; from == to || from == 24*60 {
		return 0, 0, errors.New("it must end at another time than it begins")
	}
	if to-from == 24*60 {
		return 0, 0, nil
	}
	return from, to, nil
}

// open reports whether messages are taken at a time.
func (p *PollBlock) open(t time.Time) bool {
	t = t.In(p.zone)
	now := t.Hour()*60 + t.Minute()
	if p.from < p.to {
		return p.from <= now && now < p.to
	}
	return p.from == p.to || now >= p.from || now < p.to
}

// Opens returns the first time, from t on, at which messages are taken.
func (p *PollBlock) Opens(t time.Time) time.Time {
	if p.open(t) {
		return t
	}
	return p.change(t)
}

// Closes returns the first time after t at which none are taken any more; zero: never.
func (p *PollBlock) Closes(t time.Time) time.Time {
	if p.from == p.to {
		return time.Time{}
	}
	return p.change(t)
}

// change returns when the hours that t is in are over. It goes by what the clock on the
// wall shows, which may leave an hour out, or show it twice.
func (p *PollBlock) change(t time.Time) time.Time {
	was := p.open(t)
	for t = t.Truncate(time.Minute); p.open(t) == was; {
		t = t.Add(time.Minute)
	}
	return t
}
