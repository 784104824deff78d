package deadletter

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// State is what a job does.
type State string

// The states of jobs.
const (
	Draft     State = "draft"     // its letters are written down; none is touched
	Running   State = "running"   // or it soaks
	Waiting   State = "waiting"   // for a person
	Paused    State = "paused"    // by a person, or as something went wrong
	Done      State = "done"      // nothing is left to do
	Cancelled State = "cancelled" // by a person
)

// Ended reports whether a job is over for good.
func (s State) Ended() bool { return s == Done || s == Cancelled }

// A Job is a replay of chosen dead letters, as others see it.
type Job struct {
	ID    string    `json:"id"`
	Flow  string    `json:"flow"`
	Queue string    `json:"queue"`
	State State     `json:"state"`
	Why   string    `json:"why,omitempty"` // it is in this state
	By    string    `json:"by,omitempty"`  // who made it
	Made  time.Time `json:"made"`
	// Invalid says that its letters are the flow's invalid messages.
	Invalid bool `json:"invalid,omitempty"`
	Plan    Plan `json:"plan"`
	Step    int  `json:"step"` // from 1
	Steps   int  `json:"steps"`
	// Within is how many messages of the queue were looked at to choose, where the broker
	// shows no more.
	Within int `json:"within,omitempty"`
	// Total is how many letters were chosen. Messages adds up to it.
	Total    int      `json:"total"`
	Messages Progress `json:"messages"`
	// MaybeTwice were begun when the process ended, and were replayed again: the flow may
	// have passed them before.
	MaybeTwice []string `json:"maybe_twice"`
	// Unknown were begun when the process ended, and are in the queue no more. Both have
	// mostListed at most; of Failures there are the first mostFailures.
	Unknown  []string  `json:"unknown,omitempty"`
	Failures []Failure `json:"failures,omitempty"`
	Ended    time.Time `json:"ended,omitzero"`
}

// Progress says how many letters of a job are where.
type Progress struct {
	Pending     int `json:"pending"`
	Begun       int `json:"begun"`
	Passed      int `json:"passed"`
	FailedAgain int `json:"failed_again"`
	Gone        int `json:"gone"`    // somebody else has taken them
	Unknown     int `json:"unknown"` // begun when the process ended, and no longer there
}

// A Failure is a letter that failed again, with why it was one and why it is now.
type Failure struct {
	ID  string `json:"id"`
	Was string `json:"was"`
	Now string `json:"now"`
}

const (
	mostListed   = 1000
	mostFailures = 100
)

// progress is how far a letter is. The numbers are kept in files.
type progress byte

const (
	pending progress = iota
	begun
	passed
	failedAgain
	gone
	unknown
)

func (c *Progress) of(p progress) *int {
	return [...]*int{&c.Pending, &c.Begun, &c.Passed, &c.FailedAgain, &c.Gone, &c.Unknown}[p]
}

// A record is a letter of a job.
type record struct {
	id       string
	is       progress
	alone    bool // no other letter of the queue was equal
	twice    bool // it is replayed again though it may have passed
	underWay bool // now, in this process
}

// records are the letters of a job, in the order of their queue.
type records struct {
	all []record
	at  map[string][]int32 // by their ids, as Read makes them
}

// base is the id that equal letters share.
func base(id string) string { return id[:min(len(id), digits)] }

func (r *records) add(e record) {
	if r.at == nil {
		r.at = map[string][]int32{}
	}
	r.at[base(e.id)] = append(r.at[base(e.id)], int32(len(r.all)))
	r.all = append(r.all, e)
}

// A find is what a message in the queue is to a job.
type find int

const (
	foreign find = iota
	chosen       // it is to be replayed
	busy         // it is under way, and has come again
	settled      // it is done, and the broker has not heard of it
)

// find returns which record a letter of the queue belongs to, and what is to be done.
func (r *records) find(id string) (int, find) {
	last, is := -1, foreign
	for _, i := range r.at[id] {
		e := &r.all[i]
		switch {
		case e.underWay:
			last, is = int(i), busy
		case e.is == pending || e.is == begun:
			return int(i), chosen
		case is == foreign && e.alone && (e.is == passed || e.is == failedAgain):
			last, is = int(i), settled
		}
	}
	return last, is
}

// A job is a Job and its letters. The lock guards all but of.
type job struct {
	of *Jobs
	mu sync.Mutex
	Job
	records
	run     *run          // nil: it does not run
	changed chan struct{} // closed when the Job changes
}

// enter adds a record, as an earlier process has left it.
func (j *job) enter(e record, f Failure) {
	j.records.add(e)
	*j.Messages.of(e.is)++
	if e.twice {
		list(&j.MaybeTwice, e.id, mostListed)
	}
	if e.is == failedAgain {
		list(&j.Failures, f, mostFailures)
	}
}

// list appends to a list that is bounded.
func list[T any](to *[]T, one T, most int) {
	if len(*to) < most {
		*to = append(*to, one)
	}
}

// set says where a letter is. The lock is held.
func (j *job) set(at int, is progress) {
	e := &j.all[at]
	*j.Messages.of(e.is)--
	e.is = is
	*j.Messages.of(is)++
	j.tell()
}

// tell wakes up those who follow. The lock is held.
func (j *job) tell() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// view is the Job as it is now.
func (j *job) view() Job {
	now, _ := j.look()
	return now
}

// look returns the Job, and what is closed when it has changed.
func (j *job) look() (Job, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.Job
	now.MaybeTwice, now.Unknown, now.Failures = slices.Clone(j.MaybeTwice), slices.Clone(j.Unknown), slices.Clone(j.Failures)
	return now, j.changed
}

func number(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 64) // 0, which no job has
	return n
}
