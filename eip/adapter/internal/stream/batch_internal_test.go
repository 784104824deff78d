package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

// script is a target that writes as much of each batch as it is told.
type script struct {
	mu     sync.Mutex
	wrote  []byte
	writes int
	step   func(write int, p []byte) (int, error)
}

func (s *script) write(p []byte) (int, error) {
	s.mu.Lock()
	s.writes++
	write := s.writes
	s.mu.Unlock()
	n, err := s.step(write, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = append(s.wrote, p[:n]...)
	return n, err
}

func scripted(step func(write int, p []byte) (int, error)) (*Writer, *script) {
	s := &script{step: step}
	return NewWriter(Target{Name: "it", AppendTo: AppendLine, Write: s.write, Close: func() error { return nil }}), s
}

// Of a batch that is written in part, the messages settle well that were written
// to their end.
func TestWriter_PartialWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		hold := make(chan struct{})
		w, _ := scripted(func(write int, p []byte) (int, error) {
			if write == 1 {
				<-hold // so that the rest becomes one batch
				return len(p), nil
			}
			return 5, full // "1\n2\n3" of "1\n2\n3\n4\n"
		})
		traffic := &stats.Traffic{}
		w.ConfirmTo(traffic)
		var settled [5]error
		for i := range settled {
			m := eip.New(fmt.Append(nil, i), func(err error) { settled[i] = err })
			traffic.Handed(m.IsTest())
			eip.Deliver(t.Context(), w, m)
			synctest.Wait()
		}
		if got, _ := traffic.Counts(); got != (stats.TrafficCounts{InFlight: 5}) {
			t.Errorf("before anything is written: %+v", got)
		}
		close(hold)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got, _ := traffic.Counts(); got != (stats.TrafficCounts{Sent: 3, Failed: 2}) {
			t.Errorf("at last: %+v", got)
		}
		for i, err := range settled {
			if failed := i >= 3; failed != errors.Is(err, full) || !failed && err != nil {
				t.Errorf("message %d settled with %v", i, err)
			}
		}
	})
}

func TestWriter_ShortWrite(t *testing.T) {
	w, _ := scripted(func(_ int, p []byte) (int, error) { return len(p) - 1, nil })
	defer w.Close()
	if err := eip.Await(t.Context(), w, eip.New([]byte("a"), nil)); err == nil {
		t.Error("a line without its end settled well")
	}
}

// A target that hangs makes Handle wait when enough is pending, and Handle heeds
// its context.
func TestWriter_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		w, s := scripted(func(_ int, p []byte) (int, error) {
			<-hold
			return len(p), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var errs []error
		accepted := 0
		for len(errs) == 0 {
			eip.Deliver(ctx, w, eip.New(make([]byte, 10_000), func(err error) {
				if err != nil {
					errs = append(errs, err)
				}
			}))
			accepted++
		}
		if !errors.Is(errs[0], context.DeadlineExceeded) || accepted > 2*maxBatch/10_000 {
			t.Errorf("%d messages were taken, then %v", accepted, errs)
		}
		close(hold)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if len(s.wrote) != (accepted-1)*10_001 {
			t.Errorf("%d bytes were written of %d messages", len(s.wrote), accepted-1)
		}
	})
}

func TestWriter_CloseGivesUpOnAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		w, _ := scripted(func(_ int, p []byte) (int, error) {
			<-hold
			return 0, io.ErrClosedPipe
		})
		eip.Deliver(t.Context(), w, eip.New([]byte("a"), nil))
		begin := time.Now()
		if err := w.Close(); err == nil || time.Since(begin) != closeTimeout {
			t.Errorf("closed with %v after %v", err, time.Since(begin))
		}
		close(hold)
	})
}

func TestWriter_FlushFails(t *testing.T) {
	broken := errors.New("input/output error")
	w := NewWriter(Target{Name: "it", AppendTo: AppendLine, Write: func(p []byte) (int, error) { return len(p), nil },
		Flush: func() error { return broken }, Close: func() error { return nil }})
	defer w.Close()
	if err := eip.Await(t.Context(), w, eip.New([]byte("a"), nil)); !errors.Is(err, broken) {
		t.Errorf("settled with %v", err)
	}
}

func TestWriter_AfterClose(t *testing.T) {
	w, s := scripted(func(_ int, p []byte) (int, error) { return len(p), nil })
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := eip.Await(t.Context(), w, eip.New([]byte("a"), nil)); !errors.Is(err, eip.ErrClosed) || !slices.Equal(s.wrote, nil) {
		t.Errorf("settled with %v, wrote %q", err, s.wrote)
	}
}

func BenchmarkBatchWriter(b *testing.B) {
	w := NewWriter(Target{Name: "nowhere", AppendTo: AppendLine, Write: func(p []byte) (int, error) { return len(p), nil }, Close: func() error { return nil }})
	body := []byte(`{"id":1234567,"total":1200,"region":"eu"}`)
	b.ReportAllocs()
	for b.Loop() {
		eip.Deliver(b.Context(), w, eip.New(body, nil))
	}
	if err := w.Close(); err != nil {
		b.Error(err)
	}
}
