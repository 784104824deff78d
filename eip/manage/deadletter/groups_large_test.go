package deadletter_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// What groups keep does not grow with the queue. With EIPD_SOAK there are a million
// letters in it.
func TestGroups_LongQueue(t *testing.T) {
	letters := 5_000
	if os.Getenv("EIPD_SOAK") != "" {
		letters = 1_000_000
	}
	b, err := embedded.Open(broker.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, dead := t.Context(), broker.Channel{Address: "dead", Durable: true, Declare: true}
	to, err := b.Sender(ctx, dead)
	if err != nil {
		t.Fatal(err)
	}
	var sent sync.WaitGroup
	for i := range letters {
		sent.Add(1)
		m := letter(fmt.Sprint(i), fmt.Sprintf("post http://10.0.0.%d:8080/v1/orders/%d: the answer is %c%c after %dms", i%200, i, 'a'+i%20, 'a'+i/20%20, i), noon.Add(time.Duration(i)))
		eip.Deliver(ctx, to, m.Fork(func(err error) {
			if err != nil {
				t.Error(err)
			}
			sent.Done()
		}))
	}
	sent.Wait()
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, began := int64(0), time.Now()
	g, search := deadletter.NewGroups(deadletter.ByCause), deadletter.Search{Nameless: true}
	for m, err := range b.Browse(context.Background(), dead, broker.BrowseOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		l := deadletter.Read(m.Message)
		if search.Picks(&l) {
			g.Add(l)
		}
		if search.Read%(letters/5) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, int64(now.HeapAlloc)-int64(before.HeapAlloc))
		}
	}
	took := time.Since(began)
	groups, other := g.Result()
	if search.Read != letters || len(groups) != 400 || other != 0 {
		t.Errorf("%d letters are in %d groups, and %d in others", search.Read, len(groups), other)
	}
	if most > 64<<20 {
		t.Errorf("%d bytes are kept", most)
	}
	t.Logf("%d letters in %v, with %d KiB", letters, took, most>>10)
}
