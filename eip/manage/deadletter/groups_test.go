package deadletter_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func letter(id, text string, failed time.Time) *eip.Message {
	m := eip.New([]byte(`{"id": "`+id+`"}`), nil).WithHeaders(eip.Headers{
		header.Error: text, header.Flow: "orders", header.Stage: "orders.charge", header.Reason: "failed", header.Attempts: 3,
		header.FirstFailed: failed.Add(-time.Second).Format(time.RFC3339Nano), header.Failed: failed.Format(time.RFC3339Nano),
	})
	m.ID = id
	return m
}

func TestGroups(t *testing.T) {
	g := deadletter.NewGroups(deadletter.ByCause)
	for i := range 100 {
		customer := 10_000 + i
		if i%4 == 0 {
			customer = 4711
		}
		g.Add(deadletter.Read(letter(fmt.Sprint(i), fmt.Sprintf("there is no customer %d", customer), noon.Add(time.Duration(i)*time.Minute))))
	}
	replayed := letter("r", "the body is text", noon).WithHeaders(eip.Headers{header.Replays: int64(2), header.Edited: "now"})
	g.Add(deadletter.Read(replayed))
	groups, other := g.Result()
	if len(groups) != 2 || other != 0 {
		t.Fatalf("%+v and %d others", groups, other)
	}
	first, second := groups[0], groups[1]
	if first.Error != "there is no customer …" || first.Count != 100 || first.First != noon || first.Last != noon.Add(99*time.Minute) || len(first.Samples) != 3 || first.Attempts != 3 {
		t.Errorf("%+v", first)
	}
	if v := first.Values; len(v) == 0 || v[0].Text != "4711" || v[0].Count > 25 || v[0].Count < 20 {
		t.Errorf("the most frequent values are %+v", v)
	}
	if second.Replayed != 1 || second.Edited != 1 || second.Count != 1 || len(second.Values) != 0 {
		t.Errorf("%+v", second)
	}
	if want := deadletter.Read(replayed).Cause.Group(); second.ID != want {
		t.Errorf("the group is %s, and the letter's %s", second.ID, want)
	}
}

// A value counts once a letter, however often its error names it.
func TestGroups_ValuesOfLetters(t *testing.T) {
	g := deadletter.NewGroups(deadletter.ByCause)
	for i := range 3 {
		g.Add(deadletter.Read(letter(fmt.Sprint(i), "POST http://10.0.0.1:8089/orders: dial tcp 10.0.0.1:8089: connection refused", noon)))
	}
	groups, _ := g.Result()
	if len(groups) != 1 || groups[0].Count != 3 || !slices.Equal(groups[0].Values, []deadletter.Value{{Text: "10.0.0.1:8089", Count: 3}}) {
		t.Errorf("%+v", groups)
	}
}

func TestGroups_By(t *testing.T) {
	for by, want := range map[deadletter.By]int{deadletter.ByCause: 2, deadletter.ByStage: 1, deadletter.ByError: 2, deadletter.ByType: 2, deadletter.ByDay: 3} {
		g := deadletter.NewGroups(by)
		for i := range 6 {
			m := letter(fmt.Sprint(i), []string{"it is full", "it is gone"}[i%2], noon.Add(time.Duration(i/2)*24*time.Hour))
			m.Type = []string{"order", "order", "order", "bill", "order", "bill"}[i]
			g.Add(deadletter.Read(m))
		}
		if groups, _ := g.Result(); len(groups) != want || (groups[0].ID != "") != (by == deadletter.ByCause) {
			t.Errorf("by %s there are %d groups and not %d: %+v", by, len(groups), want, groups)
		}
	}
	if _, err := deadletter.ParseBy("colour"); err == nil {
		t.Error("letters can be grouped by colour")
	}
}

// However many groups and values there are, what is kept of them does not grow.
func TestGroups_AreBounded(t *testing.T) {
	const letters = 50_000
	g := deadletter.NewGroups(deadletter.ByCause)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range letters {
		word := string([]rune{rune('a' + i%26), rune('a' + i/26%26), rune('a' + i/676%26)})
		g.Add(deadletter.Read(letter(fmt.Sprint(i), fmt.Sprintf("%s has failed for %d and %d", word, i*1000, i*7777), noon)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	groups, sum := g.Result()
	if len(groups) != deadletter.MostGroups {
		t.Fatalf("there are %d groups", len(groups))
	}
	for _, in := range groups {
		sum += in.Count
	}
	if sum != letters {
		t.Errorf("they hold %d letters", sum)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("they keep %d bytes", grown)
	}
	runtime.KeepAlive(g)
}

func FuzzRead(f *testing.F) {
	f.Add("post http://127.0.0.1:9000/: connection refused", `"`, int64(3))
	f.Add("it's 'x' `y", "\x00\xff'`\\", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		m := failed(a + b).WithHeaders(eip.Headers{header.Attempts: n, header.Failed: b})
		l := deadletter.Read(m)
		if len([]rune(l.Cause.Error)) > 300 || len(l.ID) != 16 {
			t.Errorf("%+v", l)
		}
	})
}

func BenchmarkGroups(b *testing.B) {
	g := deadletter.NewGroups(deadletter.ByCause)
	m := letter("1", `Post "http://127.0.0.1:9000/charge": dial tcp 127.0.0.1:9000: connect: connection refused after 12.3ms for order 81234`, noon)
	for b.Loop() {
		g.Add(deadletter.Read(m))
	}
}
