package ackwindow_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip/internal/ackwindow"
)

func TestWindow_CommitsTheLongestDonePrefix(t *testing.T) {
	var commits []int
	w := ackwindow.New(func(p int) { commits = append(commits, p) })
	var tickets []uint64
	for i := range 5 {
		tickets = append(tickets, w.Add(10*(i+1)))
	}
	steps := []struct {
		done int
		want []int
		left int
	}{
		{1, nil, 5},
		{0, []int{20}, 3},
		{0, []int{20}, 3}, // again
		{3, []int{20}, 3},
		{4, []int{20}, 3},
		{2, []int{20, 50}, 0},
	}
	for i, s := range steps {
		w.Done(tickets[s.done])
		if !slices.Equal(commits, s.want) || w.Len() != s.left {
			t.Fatalf("step %d: committed %v with %d left, want %v with %d", i, commits, w.Len(), s.want, s.left)
		}
	}
	w.Done(tickets[4] + 1) // never given out
	last := w.Add(60)
	w.Stop()
	w.Done(last)
	if !slices.Equal(commits, []int{20, 50}) {
		t.Errorf("committed %v after Stop", commits)
	}
}

// Whatever the order of Done, commits rise and end at the last position; at any
// time everything up to the committed position is done.
func TestWindow_AnyOrder(t *testing.T) {
	const n, ahead = 20_000, 300
	var mu sync.Mutex
	done := make([]bool, n)
	committed := -1
	w := ackwindow.New(func(p int) {
		mu.Lock()
		defer mu.Unlock()
		if p <= committed {
			t.Errorf("went back from %d to %d", committed, p)
		}
		for i := committed + 1; i <= p; i++ {
			if !done[i] {
				t.Errorf("committed %d before %d was done", p, i)
			}
		}
		committed = p
	})
	type given struct {
		position int
		ticket   uint64
	}
	var out []given
	finish := func() {
		i := rand.IntN(len(out))
		g := out[i]
		out[i] = out[len(out)-1]
		out = out[:len(out)-1]
		mu.Lock()
		done[g.position] = true
		mu.Unlock()
		w.Done(g.ticket)
	}
	for i := range n {
		out = append(out, given{i, w.Add(i)})
		if len(out) == ahead {
			finish()
		}
	}
	for len(out) > 0 {
		finish()
	}
	if committed != n-1 || w.Len() != 0 {
		t.Errorf("committed %d with %d left, want %d and none", committed, w.Len(), n-1)
	}
}

func TestWindow_Concurrent(t *testing.T) {
	const workers, each = 4, 5000
	last := 0
	w := ackwindow.New(func(p int) { last = p })
	tickets := make(chan uint64, 100)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for ticket := range tickets {
				w.Done(ticket)
			}
		})
	}
	for i := range workers * each {
		tickets <- w.Add(i + 1)
	}
	close(tickets)
	wait.Wait()
	if last != workers*each {
		t.Errorf("ended at %d, want %d", last, workers*each)
	}
}

func BenchmarkWindow(b *testing.B) {
	w := ackwindow.New(func(int) {})
	var tickets [256]uint64
	for i := 0; b.Loop(); i++ {
		w.Done(tickets[i%256])
		tickets[i%256] = w.Add(i)
	}
}
