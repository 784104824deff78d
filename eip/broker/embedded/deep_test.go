package embedded

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// BenchmarkDeepBacklog fills a queue with b.N messages (try -benchtime 1000000x),
// closes and opens the store, and drains it.
func BenchmarkDeepBacklog(b *testing.B) {
	dir := b.TempDir()
	q := queueNamed("q")
	open := func() *Broker {
		e, err := Open(broker.Config{DataDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	e := open()
	begin := time.Now()
	to := send(b, e, q)
	f := &eip.Flow{Name: "in", Source: &limited{b.N}, To: to}
	if err := f.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "filled/s")
	b.ReportMetric(rss(b, "RssAnon"), "MiB-filled")
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	begin = time.Now()
	e = open()
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, "ms-open")
	begin = time.Now()
	src := openSource(b, e, q)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	sink := &count{cancel: cancel}
	sink.left.Store(int64(b.N))
	var anon, file float64
	watch := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		if sink.left.Load()%10_000 == 1 {
			anon, file = max(anon, rss(b, "RssAnon")), max(file, rss(b, "RssFile"))
		}
		return sink.Handle(ctx, m)
	})
	if err := (&eip.Flow{Name: "out", Source: src, To: watch}).Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "drained/s")
	b.ReportMetric(anon, "MiB-drained")
	b.ReportMetric(file, "MiB-mapped")
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	begin = time.Now()
	e = open()
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, "ms-open-empty")
	info, err := os.Stat(filepath.Join(dir, messagesFile))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size()>>20), "MiB-file")
	e.Close()
}

func openSource(b *testing.B, e *Broker, q broker.Channel) broker.Source {
	return open(b, e, q, broker.Subscription{})
}

// rss is a figure of this process' memory, in MiB.
func rss(b *testing.B, name string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(v)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	return 0
}
