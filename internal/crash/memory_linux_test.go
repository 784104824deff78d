package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// pipeFlow taps and routes from standard input to standard output.
const pipeFlow = `
adapter "stdio" "terminal" {}

flow "pipe" {
  from = adapter.terminal

  wire_tap "count" {
    discard {}
  }
  content_router {
    when "big_eu" {
      if = "body.total > 1000 && body.region == 'eu'"
      transform { headers = { size = "'big'" } }
      to = adapter.terminal
    }
    otherwise { to = adapter.terminal }
  }
}
`

// queueFlow goes over a queue on disk.
const queueFlow = `
adapter "stdio" "terminal" {}
queue "work" {}

flow "take" {
  from = adapter.terminal
  to   = queue.work
}
flow "give" {
  from = queue.work
  to   = adapter.terminal
}
`

// A receiver that takes nothing stops the source, and what eipd holds meanwhile is
// its window and no more.
func TestSlowSink_SlowsTheSource(t *testing.T) {
	const (
		n      = 200_000
		window = 1000
		// What pipes and read and write buffers hold beside the window, in messages.
		buffers = 8000
	)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", pipeFlow)
	p := run(t, dir, "--until-idle", "flow.hcl")
	var written atomic.Int64
	go func() {
		w := p.stdin
		for i := range n {
			if _, err := w.Write(number(i).line()); err != nil {
				t.Errorf("feed: %v", err)
				break
			}
			written.Add(1)
		}
		w.Close()
	}()
	until(t, "eipd takes no more", func() bool { return written.Load() > 0 && idle(t, p) })
	if got := written.Load(); got > window+buffers {
		t.Errorf("it took %d messages and gave none", got)
	}
	out := bufio.NewScanner(p.stdout)
	for read := 0; ; read++ {
		if ahead := written.Load() - int64(read); ahead > window+buffers {
			t.Fatalf("it was %d messages ahead of its receiver", ahead)
		}
		if !out.Scan() {
			if read != n {
				t.Errorf("%d of %d messages came out", read, n)
			}
			break
		}
		if want := bytes.TrimSpace(number(read).line()); !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("message %d came out as %s", read, out.Bytes())
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("ended with %d:\n%s", code, p.logged())
	}
}

// However many messages pass, memory stays what it was. EIPD_SOAK=1 makes it ten
// million.
func TestMemory_StaysFlat(t *testing.T) {
	n := scale(300_000, 60_000)
	if soak() {
		n = 10_000_000
	}
	for _, c := range []struct{ name, flow string }{{"pipe", pipeFlow}, {"queue", queueFlow}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "flow.hcl", c.flow)
			p := run(t, dir, "--until-idle", "flow.hcl")
			padding := `,"padding":"` + strings.Repeat("x", 950) + "\"}\n"
			go func() {
				w := bufio.NewWriterSize(p.stdin, 1<<16)
				for i := range n {
					line := number(i).line()
					w.Write(line[:len(line)-2])
					io.WriteString(w, padding)
				}
				if err := w.Flush(); err != nil {
					t.Errorf("feed: %v", err)
				}
				p.stdin.Close()
			}()
			// One hundred looks, the same number of messages apart.
			var memory []int
			peak := 0
			out := bufio.NewReaderSize(p.stdout, 1<<16)
			for i := range n {
				if _, err := out.ReadSlice('\n'); err != nil {
					t.Fatalf("after %d messages: %v\n%s", i, err, p.logged())
				}
				if i%(n/100) == n/200 {
					memory, peak = append(memory, anonymous(t, p)), highWater(t, p)
				}
			}
			if code := p.exit(); code != 0 {
				t.Errorf("ended with %d:\n%s", code, p.logged())
			}
			tenths := make([]int, 0, 10)
			for part := range slices.Chunk(memory, 10) {
				slices.Sort(part)
				tenths = append(tenths, part[len(part)/2]>>10)
			}
			t.Logf("%d messages: own memory by tenths %v KiB, all memory at most %d KiB", n, tenths, peak>>10)
			early, late := slices.Max(tenths[:5]), slices.Max(tenths[5:])
			// The garbage collector's swing is a few MiB, which is much of a little.
			if slack := 4 << 10; late > early*6/5+slack {
				t.Errorf("own memory grew from %d KiB to %d KiB", early, late)
			}
			if bound := 128 << 20; peak > bound {
				t.Errorf("it used %d bytes, more than %d", peak, bound)
			}
		})
	}
}

// A receiver that takes nothing behind a queue makes the disk full, not the
// memory.
func TestSlowSink_BehindAQueue(t *testing.T) {
	n := scale(100_000, 20_000)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
adapter "file" "in" { path = "in.jsonl" }
adapter "stdio" "terminal" {}
queue "work" {}

flow "take" {
  from = adapter.in
  to   = queue.work
}
flow "give" {
  from = queue.work
  to   = adapter.terminal
}
`)
	feed(t, dir).upTo(t, n)
	p := run(t, dir, "flow.hcl")
	until(t, "eipd takes no more", func() bool { return idle(t, p) })
	held := anonymous(t, p)
	t.Logf("with %d messages in the queue: %d KiB of its own, %d KiB in all", n, held>>10, highWater(t, p)>>10)
	if bound := 96 << 20; held > bound {
		t.Errorf("it holds %d bytes of its own, more than %d", held, bound)
	}
	out := bufio.NewScanner(p.stdout)
	for i := range n {
		if !out.Scan() {
			t.Fatalf("after %d messages: %v", i, out.Err())
		}
		if want := bytes.TrimSpace(number(i).line()); !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("message %d came out as %s", i, out.Bytes())
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("stopped with exit code %d:\n%s", code, p.logged())
	}
}

// Once the quick start's pictures are done, eipd gives back what they needed.
func TestMemory_IsGivenBack(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "flows"), os.DirFS("../../flows")); err != nil {
		t.Fatal(err)
	}
	p := run(t, dir, "--var", "listen=127.0.0.1:0", "flows")
	pictures, err := filepath.Glob(filepath.Join(dir, "flows/images/*/*"))
	if err != nil || len(pictures) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	out := bufio.NewScanner(p.stdout)
	for range pictures {
		if !out.Scan() {
			t.Fatalf("eipd ended before all pictures were done:\n%s", p.logged())
		}
	}
	const own = 13 << 20 // besides pages of the program's file, which the system can take back
	until(t, fmt.Sprintf("less than %d bytes of memory of its own", own), func() bool { return anonymous(t, p) < own })
	t.Logf("%d KiB after at most %d KiB", status(t, p, "VmRSS:")>>10, highWater(t, p)>>10)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("stopped with exit code %d:\n%s", code, p.logged())
	}
}
