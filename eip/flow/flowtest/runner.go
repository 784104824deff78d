package flowtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Options say which tests are run, and how.
type Options struct {
	Pick     func(*Test) bool // nil: all
	FailFast bool
	Parallel int     // at once; 0: as many as there are processors
	Shuffle  *uint64 // the seed of their order; nil: that of the files
	Count    int     // how often each is run; 0: once
	Timeout  time.Duration
	Update   bool // write golden files
	// Stop, once closed, has no further test begin.
	Stop <-chan struct{}
}

// Main calls f, in which tests can be run, and ends the process with the code that it
// returns. It does not return. A process calls it once.
//
// The runtime offers bubbles, in which it is known when nothing moves, to tests alone; so
// this makes the process one.
func Main(f func(t *testing.T) (code int)) {
	testing.Init()
	_ = flag.CommandLine.Parse(nil) // nothing of the command line is for package testing
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "flows", F: func(t *testing.T) { os.Exit(f(t)) }}}, nil, nil)
}

// Run runs the tests of files, as subtests of t that never fail, and returns their results
// in the order of the files.
func Run(t *testing.T, files []*File, o Options) []*Result {
	type job struct {
		test *Test
		at   int
	}
	var jobs []job
	only := slices.ContainsFunc(files, func(f *File) bool { return f.Only })
	for _, f := range files {
		for _, one := range f.Tests {
			if (o.Pick == nil || o.Pick(one)) && (!only || one.says.Only) {
				for range max(o.Count, 1) {
					jobs = append(jobs, job{one, len(jobs)})
				}
			}
		}
	}
	results := make([]*Result, len(jobs))
	if o.Shuffle != nil {
		rand.New(rand.NewPCG(*o.Shuffle, 0)).Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	}
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed bool
	)
	next := make(chan job)
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	for range o.Parallel {
		wait.Go(func() {
			for j := range next {
				mu.Lock()
				skip := failed && o.FailFast
				mu.Unlock()
				select {
				case <-o.Stop:
					skip = true
				default:
				}
				if skip {
					continue
				}
				result := runOne(t, j.test, o)
				mu.Lock()
				results[j.at] = result
				failed = failed || result.Outcome == Failed
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wait.Wait()
	return slices.DeleteFunc(results, func(r *Result) bool { return r == nil })
}

// runOne runs a test in a bubble of its own, beside others.
func runOne(t *testing.T, test *Test, o Options) *Result {
	result := &Result{Test: test, Outcome: Passed}
	if test.says.Skip != "" {
		result.Outcome = Skipped
		return result
	}
	r, remove, err := newRig(test, o.Update)
	if err != nil {
		result.Outcome, result.Failures = Failed, []Failure{{test.File.Name, test.Line, broken, []string{err.Error()}}}
		return result
	}
	defer remove()
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.Run("test", func(t *testing.T) {
			defer r.rescue()
			synctest.Test(t, func(*testing.T) {
				defer r.rescue()
				test.run(r)
			})
		})
	}()
	patience := test.File.suite.Timeout
	if o.Timeout > 0 {
		patience = o.Timeout
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		r.late.Store(true)
		select {
		case <-done:
		case <-time.After(time.Second): // it heeds nothing
		}
		r.failAt(test.block.Range(), timeout, append([]string{fmt.Sprintf("it took longer than %v", patience)}, r.whereabouts(nil)...)...)
	}
	result.Elapsed = time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	result.Failures = slices.Clone(r.failures)
	if len(result.Failures) > 0 {
		result.Outcome = Failed
	}
	result.Ways, result.seen = r.waysOf(), r.seen
	return result
}

// newRig returns one that has not begun. remove takes away what it has on disk.
func newRig(test *Test, update bool) (r *rig, remove func(), err error) {
	r = &rig{test: test, places: test.check, update: update, seen: seen{}, stop: func() {}}
	if test.says.Broker != onDisk {
		return r, func() {}, nil
	}
	if r.folder, err = os.MkdirTemp("", "eipd-test-"); err != nil {
		return nil, nil, err
	}
	r.dir = filepath.Join(r.folder, "0")
	return r, func() { _ = os.RemoveAll(r.folder) }, os.Mkdir(r.dir, 0o700)
}

// rescue makes a failure of a panic: of goroutines that the flows have left, or of ours.
func (r *rig) rescue() {
	p := recover()
	if p == nil {
		return
	}
	text := fmt.Sprint(p)
	if strings.HasPrefix(text, "deadlock:") {
		text = "the flows have left goroutines behind, or wait for ever"
	}
	r.failAt(r.test.block.Range(), broken, text)
}

// waysOf are the ways of all messages, in the order in which they were sent.
func (r *rig) waysOf() (lines []string) {
	for _, a := range r.ended(nil) {
		lines = append(lines, r.places.config.Redact(fmt.Sprintf("message %d  %s", r.numberOf(a), a.said())))
	}
	return lines
}

// RunFlows runs the test files that a pattern finds, each test as a subtest of t.
func RunFlows(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: there are no such files", pattern)
	}
	files, err := Load(names)
	if err != nil {
		var text strings.Builder
		if wrong, ok := err.(*Invalid); ok {
			_ = wrong.Write(&text, false)
		}
		t.Fatalf("%v\n%s", err, text.String())
	}
	for _, f := range files {
		for _, one := range f.Tests {
			t.Run(one.Name, func(t *testing.T) {
				if one.says.Skip != "" {
					t.Skip(one.says.Skip)
				}
				r, remove, err := newRig(one, false)
				if err != nil {
					t.Fatal(err)
				}
				defer remove()
				synctest.Test(t, func(*testing.T) { one.run(r) })
				for _, failure := range r.failures {
					t.Errorf("%s:%d  %s", failure.File, failure.Line, strings.Join(failure.Lines, "\n"))
				}
			})
		}
	}
}
