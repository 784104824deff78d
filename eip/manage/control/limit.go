package control

import (
	"context"
	"sync"

	"golang.org/x/time/rate"
)

// What is done with commands of which nobody vouches for the sender. What comes
// beyond it is dropped and counted.
const (
	perSecond   = 500
	burst       = 500
	mostWaiting = 1000     // commands of one class that wait for their turn
	eachWaiting = 400      // of one sender
	bytesInLine = 16 << 20 // of all that wait
	unitOfWork  = 4 << 10  // bytes that cost as much as a command
)

// A class is whose commands share places, so that none takes those of another.
type class int

const (
	bySocket class = iota
	signed
	vouched // the broker says whose they are
	anybody
	classes
)

// places are how many commands may be under way at once, and how many of one
// sender. Senders are cheap to invent, so they are known only while they have a
// place.
type places struct {
	mu    sync.Mutex
	all   int
	taken map[string]int
}

// bounds of places, by how a command is carried out: of a class, and of one sender.
var bounds = [hows]struct{ all, each int }{inOrder: {100, 20}, beside: {32, 8}, streaming: {16, 4}, replying: {64, 64}}

// take takes a place; nil where there is none.
func (p *places) take(sender string, all, each int) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= all || p.taken[sender] >= each {
		return nil
	}
	if p.taken == nil {
		p.taken = map[string]int{}
	}
	p.all++
	p.taken[sender]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.taken[sender]--; p.taken[sender] == 0 {
			delete(p.taken, sender)
		}
	}
}

// place takes a place for a request.
func (s *Server) place(r *request, h how) (leave func()) {
	b := bounds[h]
	if r.class() == bySocket { // one user's
		b.each = b.all
	}
	return s.places[h][r.class()].take(r.from.sender, b.all, b.each)
}

// line has commands wait for their turn.
type line struct {
	places  places
	mu      sync.Mutex
	bytes   int
	waiting chan func()
	limit   *rate.Limiter
}

func newLine() *line {
	return &line{waiting: make(chan func(), mostWaiting), limit: rate.NewLimiter(perSecond, burst)}
}

// put adds what is to be done for a sender; false where there is no room.
func (l *line) put(ctx context.Context, sender string, size int, do func()) bool {
	leave := l.places.take(sender, mostWaiting, eachWaiting)
	if leave == nil {
		return false
	}
	l.mu.Lock()
	full := l.bytes+size > bytesInLine
	if !full {
		l.bytes += size
	}
	l.mu.Unlock()
	if full {
		leave()
		return false
	}
	l.waiting <- func() { // there is room for all that have a place
		l.mu.Lock()
		l.bytes -= size
		l.mu.Unlock()
		leave()
		if l.limit.WaitN(ctx, min(1+size/unitOfWork, burst)) == nil {
			do()
		}
	}
	return true
}

func (l *line) run(ctx context.Context) {
	for {
		select {
		case do := <-l.waiting:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// turns have commands that touch the same things come one after the other, as they
// were given.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{}
}

// take returns what to wait for, and what to call when the turn is over.
func (t *turns) take(things []string) (before []chan struct{}, done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := make(chan struct{})
	for _, thing := range things {
		if b := t.last[thing]; b != nil {
			before = append(before, b)
		}
		t.last[thing] = mine
	}
	return before, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		close(mine)
		for _, thing := range things {
			if t.last[thing] == mine {
				delete(t.last, thing)
			}
		}
	}
}
