package host_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"

	_ "github.com/eipd/eipd/eip/adapter/file"
	_ "github.com/eipd/eipd/eip/adapter/http"
	_ "github.com/eipd/eipd/eip/routing"
)

// noted is a stage that notes the bodies that pass it, under its name.
type noted struct {
	As string `flow:"as,required"`
}

var notes = struct {
	sync.Mutex
	of map[string][]string
}{of: map[string][]string{}}

func init() { eip.Stages.Add("noted", func() eip.Stage { return &noted{} }) }

func (n *noted) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	notes.Lock()
	notes.of[n.As] = append(notes.of[n.As], string(m.Body()))
	notes.Unlock()
	return next.Handle(ctx, m)
}

func notesOf(as string) []string {
	notes.Lock()
	defer notes.Unlock()
	return append([]string{}, notes.of[as]...)
}

// ownNotes names notes of a test, which end with it.
func ownNotes(t *testing.T) string {
	t.Cleanup(func() {
		notes.Lock()
		defer notes.Unlock()
		maps.DeleteFunc(notes.of, func(as string, _ []string) bool { return strings.HasPrefix(as, t.Name()) })
	})
	return t.Name()
}

func awaitNotes(t *testing.T, as string, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(notesOf(as)) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there came %v", notesOf(as))
		}
	}
}

func put(t *testing.T, h *host.Host, channel, body string) {
	t.Helper()
	if err := h.Inject(t.Context(), channel, eip.New([]byte(body), nil)); err != nil {
		t.Error(err)
	}
}

func idle(t *testing.T, h *host.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.WaitIdle(ctx); err != nil {
		t.Error(err)
	}
}

func loadOn(t *testing.T, broker, text string) *flow.Config {
	t.Helper()
	c, diags := flow.Load(flow.Options{Files: []string{file(t, text)}, Broker: broker})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}

func flowOf(t *testing.T, h *host.Host, name string) control.Flow {
	t.Helper()
	for _, f := range h.Flows() {
		if f.Name() == name {
			return f
		}
	}
	t.Fatalf("there is no flow %s", name)
	return nil
}

// Swaps in a row lose nothing that is under way, and what is the same has neither
// doubles nor another order.
func TestUnit_SwapUnderLoad(t *testing.T) {
	for broker, n := range map[string]int{"memory:": 3000, "embedded:": 600} {
		t.Run(broker, func(t *testing.T) {
			as := ownNotes(t)
			config := func(i int) *flow.Config {
				return loadOn(t, broker, fmt.Sprintf(`
					queue "in" {}
					queue "mid" {}
					flow "keeps" {
					  from = queue.in
					  noted { as = "%s/keeps" }
					  to = queue.mid
					}
					flow "changes" {
					  from = queue.mid
					  filter { if = "body != '%d'" }
					  noted { as = "%s/changes" }
					  discard {}
					}`, as, i+n, as))
			}
			h := host.New(host.Options{DataDir: t.TempDir()})
			u, err := h.Start(t.Context(), config(0))
			if err != nil {
				t.Fatal(err)
			}
			var sending sync.WaitGroup
			sending.Go(func() {
				for i := range n {
					put(t, h, "queue.in", strconv.Itoa(i))
				}
			})
			for i := range n / 50 {
				if err := u.Swap(t.Context(), config(1+i)); err != nil {
					t.Fatal(err)
				}
			}
			sending.Wait()
			idle(t, h)
			if err := h.Stop(); err != nil {
				t.Error(err)
			}
			keeps := notesOf(as + "/keeps")
			for i, body := range keeps {
				if body != strconv.Itoa(i) {
					t.Fatalf("the flow that is the same has got %s as number %d", body, i)
				}
			}
			seen := map[string]bool{}
			for _, body := range notesOf(as + "/changes") {
				seen[body] = true
			}
			if len(keeps) != n || len(seen) != n {
				t.Errorf("%d messages were sent, %d came, and %d went on", n, len(keeps), len(seen))
			}
		})
	}
}

// What waits in memory outlasts a swap of all flows that could read it, whether it
// succeeds or not.
func TestUnit_SwapKeepsWhatWaits(t *testing.T) {
	text := func(broker, more string) string {
		return broker + fmt.Sprintf(`
		queue "q" {}
		flow "f" {
		  from = queue.q
		  noted { as = "%s" }
		  %s
		  discard {}
		}`, ownNotes(t), more)
	}
	h := host.New(host.Options{})
	u, err := h.Start(t.Context(), load(t, text("", "")))
	if err != nil {
		t.Fatal(err)
	}
	if err := flowOf(t, h, "f").Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, h, "queue.q", "1")
	for _, broker := range []string{"", "broker \"other\" {\n default = true\n url = \"memory:\"\n}\n"} {
		if err := u.Swap(t.Context(), load(t, text(broker, "unopenable {}"))); err == nil {
			t.Error("what cannot be opened runs")
		}
	}
	if s := flowOf(t, h, "f").State(); s != control.Stopped {
		t.Errorf("what was stopped is %s", s)
	}
	put(t, h, "queue.q", "2")
	if err := u.Swap(t.Context(), load(t, text("", `filter { if = "true" }`))); err != nil {
		t.Fatal(err)
	}
	idle(t, h)
	if got := fmt.Sprint(notesOf(t.Name())); got != "[1 2]" {
		t.Errorf("there came %s", got)
	}
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
}

// A swap that fails, whatever by, leaves what there was: it takes messages, what was
// set is set, and it goes on counting.
func TestUnit_SwapThatFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	arrived.Store(make(chan struct{}))
	const was = `
		queue "in" { max_length = 100 }
		queue "out" {}
		queue "dead" {}
		queue "tapped" {}
		adapter "http" "web" { listen = "127.0.0.1:0" }
		adapter "file" "written" { path = "%DIR%/written" }
		flow "same" {
		  from = queue.out
		  noted { as = "%NAME%" }
		  to = adapter.written
		}
		flow "changes" {
		  from = [queue.in, adapter.web]
		  dead_letter = queue.dead
		  wire_tap {
		    to     = queue.tapped
		    sample = 0.5
		  }
		  to = queue.out
		}
		flow "stopped" {
		  from = queue.dead
		  discard {}
		}`
	for name, c := range map[string]struct{ old, new string }{
		"a stage":         {"wire_tap {", "unopenable {}\n wire_tap {"},
		"a broker's URL":  {`"out" {}`, "\"out\" { broker = broker.b }\n broker \"b\" { url = \"memory://somewhere\" }"},
		"a port":          {"127.0.0.1:0", listener.Addr().String()},
		"a file":          {"%DIR%/written", "%DIR%/written/below"},
		"a broker away":   {`"out" {}`, "\"out\" { broker = broker.b }\n broker \"b\" { url = \"away:\" }"},
		"its file is had": {`"out" {}`, "\"out\" { broker = broker.b }\n broker \"b\" { url = \"embedded:%HAD%\" }"},
		"a flow's name":   {`flow "stopped"`, `flow "other"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill := strings.NewReplacer("%DIR%", dir, "%NAME%", ownNotes(t), "%HAD%", filepath.Join(dir, "had")).Replace
			had := host.New(host.Options{})
			if _, err := had.Start(t.Context(), loadOn(t, "embedded:"+filepath.Join(dir, "had"), "queue \"q\" {}\nqueue \"r\" {}\nflow \"h\" {\n from = queue.q\n to = queue.r\n}")); err != nil {
				t.Fatal(err)
			}
			h := host.New(host.Options{Grace: 5 * time.Second, DataDir: filepath.Join(dir, "data")})
			u, err := h.Start(t.Context(), load(t, fill(was)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Start(t.Context(), load(t, "queue \"x\" {}\nqueue \"y\" {}\nflow \"other\" {\n from = queue.x\n to = queue.y\n}")); err != nil {
				t.Fatal(err)
			}
			put(t, h, "queue.in", "1")
			awaitNotes(t, t.Name(), 1)
			for _, st := range flowOf(t, h, "changes").Stages() {
				if err := st.Settable.Set("sample", "0.25"); err != nil {
					t.Fatal(err)
				}
			}
			if err := flowOf(t, h, "stopped").Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err = u.Swap(ctx, load(t, fill(strings.Replace(was, c.old, c.new, 1))))
			if err == nil {
				t.Error("it runs")
			}
			put(t, h, "queue.in", "2")
			awaitNotes(t, t.Name(), 2)
			if got := fmt.Sprint(notesOf(t.Name())); got != "[1 2]" {
				t.Errorf("there came %s", got)
			}
			for flow, state := range map[string]control.State{"same": control.Running, "changes": control.Running, "stopped": control.Stopped, "other": control.Running} {
				if s := flowOf(t, h, flow).State(); s != state {
					t.Errorf("%s is %s", flow, s)
				}
			}
			f := flowOf(t, h, "changes")
			if got := f.Stages()[0].Settable.Settable()["sample"]; got != 0.25 {
				t.Errorf("the sample is %v", got)
			}
			if c, _ := f.Counts(); c.Received != 2 {
				t.Errorf("it has counted %+v", c)
			}
			if err := flowOf(t, h, "stopped").Start(t.Context()); err != nil {
				t.Error(err)
			}
			if err := u.Swap(t.Context(), load(t, fill(strings.Replace(was, "0.5", "0.75", 1)))); err != nil {
				t.Error(err)
			}
			put(t, h, "queue.in", "3")
			awaitNotes(t, t.Name(), 3)
			if err := h.Stop(); err != nil {
				t.Error(err)
			}
			if err := had.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A Host that is stopped waits for no swap or start.
func TestHost_StopsWhileItSwaps(t *testing.T) {
	const same = `
		queue "in" {}
		flow "same" {
		  from = queue.in
		  discard {}
		}`
	const waits = `
		broker "b" { url = "away:" }
		queue "there" { broker = broker.b }
		flow "waits" {
		  from = queue.there
		  discard {}
		}`
	for name, begin := range map[string]func(h *host.Host, u *host.Unit, c *flow.Config) error{
		"swap": func(_ *host.Host, u *host.Unit, c *flow.Config) error { return u.Swap(context.Background(), c) },
		"start": func(h *host.Host, _ *host.Unit, c *flow.Config) error {
			_, err := h.Start(context.Background(), c)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			arrived.Store(make(chan struct{}))
			h := host.New(host.Options{})
			u, err := h.Start(t.Context(), load(t, same))
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- begin(h, u, load(t, waits)) }()
			for len(h.Brokers()) < 2 {
				runtime.Gosched()
			}
			if err := h.Stop(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err == nil {
				t.Error("it runs")
			}
		})
	}
}

// Swaps, commands, messages and the end come at once.
func TestUnit_SwapAtOnceWithAll(t *testing.T) {
	for range 2 {
		config := func(i int) *flow.Config {
			return load(t, fmt.Sprintf(`
				queue "a" {}
				queue "b" { max_length = %d }
				queue "c" { dead_letter = queue.d }
				queue "d" {}
				queue "tapped" {}
				flow "one" {
				  from = queue.a
				  to = queue.b
				}
				flow "two" {
				  from = queue.b
				  to = queue.c
				}
				flow "tapped" {
				  from = queue.tapped
				  discard {}
				}
				flow "three%d" {
				  from = queue.c
				  wire_tap { to = queue.tapped }
				  discard {}
				}`, 1000+i%2, i%3))
		}
		h := host.New(host.Options{Grace: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		u, err := h.Start(t.Context(), config(0))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		over, end := context.WithCancel(t.Context())
		repeat := func(do func(i int)) {
			all.Go(func() {
				for i := 0; over.Err() == nil; i++ {
					do(i)
				}
			})
		}
		swapped := make(chan struct{})
		repeat(func(i int) {
			_ = u.Swap(over, config(i))
			if i == 8 {
				close(swapped)
			}
		})
		repeat(func(i int) {
			ctx, cancel := context.WithTimeout(over, time.Duration(i%50)*time.Millisecond)
			_ = u.Swap(ctx, load(t, "queue \"a\" {}\nflow \"one\" {\n from = queue.a\n unopenable {}\n discard {}\n}"))
			cancel()
		})
		repeat(func(int) { _ = h.Inject(over, "queue.a", eip.New([]byte("x"), nil)) })
		repeat(func(i int) {
			for _, f := range h.Flows() {
				if i%2 == 0 {
					_ = f.Stop(over)
				} else {
					_ = f.Start(over)
				}
				f.Counts()
				control.StateOf(f)
				for _, st := range f.Stages() {
					if st.Settable != nil {
						_ = st.Settable.Set("sample", fmt.Sprint(1/float64(1+i%10)))
					}
				}
			}
			h.Depths()
			h.Traffic()
			h.Channels()
			h.Brokers()
		})
		repeat(func(i int) {
			other, err := h.Start(over, load(t, "queue \"z\" {}\nflow \"z\" {\n from = queue.z\n discard {}\n}"))
			if err == nil {
				_ = other.Stop()
			}
		})
		<-swapped
		if err := h.Stop(); err != nil && !strings.Contains(err.Error(), "deliver") {
			t.Error(err)
		}
		end()
		all.Wait()
		if err := h.Stop(); err != nil && !strings.Contains(err.Error(), "deliver") {
			t.Error(err)
		}
	}
}

// Swaps leave nothing behind.
func TestUnit_SwapsLeaveNothing(t *testing.T) {
	config := func(i int) *flow.Config {
		return load(t, fmt.Sprintf(`
			queue "in" { dead_letter = queue.late }
			queue "late" {}
			queue "same" { dead_letter = queue.late }
			flow "same" {
			  from = queue.same
			  discard {}
			}
			flow "changes" {
			  from = queue.in
			  filter { if = "body != '%d'" }
			  to = queue.same
			}`, i))
	}
	h := host.New(host.Options{})
	u, err := h.Start(t.Context(), config(0))
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var before int64
	var goroutines int
	for i := range 500 {
		if err := u.Swap(t.Context(), config(i)); err != nil {
			t.Fatal(err)
		}
		_ = u.Swap(t.Context(), load(t, "queue \"same\" {}\nflow \"same\" {\n from = queue.same\n unopenable {}\n discard {}\n}"))
		if i == 200 {
			before, goroutines = heap(), runtime.NumGoroutine()
		}
	}
	soon(t, "no more than 5 goroutines more", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	soon(t, "no more than 400 KiB more", func() bool { return heap()-before <= 400<<10 })
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
}
