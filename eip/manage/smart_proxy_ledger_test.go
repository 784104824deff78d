package manage

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

func (l *ledger) check(t *testing.T, want map[string]int64) {
	t.Helper()
	got := l.counts()
	if got["requests"] != got["replies"]+got["outstanding"]+got["timed_out"]+got["failed"] {
		t.Errorf("counts do not add up: %v", got)
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("counts %v, want %v", got, want)
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.exchanges); n != l.waiting.Len()+l.overdue.Len()+l.strays.Len() {
		t.Errorf("%d exchanges in memory, %d waiting, %d overdue, %d strays", n, l.waiting.Len(), l.overdue.Len(), l.strays.Len())
	}
}

// Of too many requests the oldest count as timed out, and of too many of these the
// oldest are forgotten; their replies find their way all the same, once.
func TestLedger_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		l.open(time.Minute)
		var asked []correlation
		for range mostOutstanding + mostTimedOut + 5 {
			c := l.number()
			c.kind = travels
			l.watch(c)
			asked = append(asked, c)
			time.Sleep(time.Microsecond)
		}
		l.check(t, map[string]int64{"outstanding": mostOutstanding, "timed_out": mostTimedOut + 5})
		l.mu.Lock()
		if l.overdue.Len() != mostTimedOut {
			t.Errorf("%d are remembered", l.overdue.Len())
		}
		l.mu.Unlock()
		for i, c := range []correlation{asked[0], asked[4], asked[5], asked[len(asked)-1]} {
			x := l.claim(c)
			if x == nil {
				t.Fatalf("reply %d finds no request", i)
			}
			if double := l.claim(c); double != nil {
				t.Errorf("reply %d was claimed twice", i)
			}
			l.finish(x, nil)
			if double := l.claim(c); double != nil {
				t.Errorf("a double of reply %d is brought back", i)
			}
		}
		l.check(t, map[string]int64{"late": 3, "replies": 1})
		time.Sleep(time.Minute)
		synctest.Wait()
		l.check(t, map[string]int64{"outstanding": 0, "timed_out": mostTimedOut + mostOutstanding + 4})

		for n := range uint64(mostStrays + 5) {
			x := l.claim(correlation{kind: travels, nonce: l.nonce + 1, number: n})
			l.finish(x, nil)
		}
		l.check(t, map[string]int64{"foreign": mostStrays + 5})
		if l.strays.Len() != mostStrays {
			t.Errorf("%d strays are remembered", l.strays.Len())
		}
		l.close()
	})
}

func TestLedger_RefusesWhatItNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		l.open(time.Minute)
		for name, c := range map[string]correlation{
			"a number to come":       {kind: travels, nonce: l.nonce, number: 1, sent: time.Now()},
			"kept by nobody":         {kind: kept, nonce: l.nonce, number: 1},
			"kept by someone else":   {kind: kept, nonce: l.nonce + 1, number: 1},
			"the number before them": {kind: travels, nonce: l.nonce, number: 1 << 63, sent: time.Unix(1, 0)},
		} {
			if l.claim(c) != nil {
				t.Errorf("a reply to %s is brought back", name)
			}
		}
		l.close()
	})
}

// One timer times out each request at its moment, also after one was restored.
func TestLedger_TimesOutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		l.open(10 * time.Second)
		var asked []correlation
		for range 5 {
			c := l.number()
			c.kind = travels
			l.watch(c)
			asked = append(asked, c)
			time.Sleep(time.Second)
		}
		l.finish(l.claim(asked[1]), nil)
		failed := l.claim(asked[2])
		time.Sleep(4500 * time.Millisecond)
		l.finish(failed, eip.ErrClosed)
		for _, want := range []int64{0, 1, 1, 2, 3, 4} {
			synctest.Wait()
			l.check(t, map[string]int64{"timed_out": want, "outstanding": 4 - want, "replies": 1})
			time.Sleep(time.Second)
		}
		l.close()
	})
}

// Who knows one request's number knows nothing of the next one's.
func TestLedger_NumbersAreRandom(t *testing.T) {
	var l ledger
	l.open(time.Minute)
	defer l.close()
	var differ uint64
	last := l.number().number
	for range 64 {
		next := l.number().number
		differ |= (next - last) &^ 0xffff
		last = next
	}
	if differ>>32 == 0 {
		t.Error("numbers follow each other")
	}
}
