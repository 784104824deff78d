package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// keys is how many different keys messages have.
const keys = 97

// regions decide, with the number, where a message goes.
var regions = []string{"eu", "us", "asia"}

// A numbered message tells whether it was lost, doubled, misrouted or overtaken.
type numbered struct {
	N      int    `json:"n"`
	Key    string `json:"key"`
	Region string `json:"region"`
	Total  int    `json:"total"`
}

func number(n int) numbered {
	return numbered{n, fmt.Sprintf("k%d", n*7919%keys), regions[n%len(regions)], n * 31 % 2000}
}

func (m numbered) line() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // never
	}
	return append(b, '\n')
}

// routeFlow is the flow that the tests kill: from a file that grows, over a queue
// on disk, by a content router on two fields, into three files.
const routeFlow = `
adapter "file" "in" {
  path   = "in.jsonl"
  follow = true
}
queue "work" {}
adapter "file" "big_eu" { path = "big_eu.jsonl" }
adapter "file" "big_us" { path = "big_us.jsonl" }
adapter "file" "rest" { path = "rest.jsonl" }

flow "take" {
  from = adapter.in
  to   = queue.work
}

flow "route" {
  from        = queue.work
  concurrency = 4
  order_by    = "body.key"

  content_router {
    when "big_eu" {
      if = "body.total > 1000 && body.region == 'eu'"
      to = adapter.big_eu
    }
    when "big_us" {
      if = "body.total > 1000 && body.region == 'us'"
      to = adapter.big_us
    }
    otherwise { to = adapter.rest }
  }
}
`

func (m numbered) output() string {
	switch {
	case m.Total > 1000 && m.Region == "eu":
		return "big_eu.jsonl"
	case m.Total > 1000 && m.Region == "us":
		return "big_us.jsonl"
	}
	return "rest.jsonl"
}

var outputs = []string{"big_eu.jsonl", "big_us.jsonl", "rest.jsonl"}

// outputs are followed as they grow.
type follower struct {
	dir   string
	files map[string]*os.File
	part  map[string][]byte // what a file's last line has so far

	seen      []bool         // by number
	last      map[string]int // by output and key, the newest of those that came first
	distinct  int
	doubled   int
	torn      int
	misrouted []numbered
	overtaken []numbered
}

func follow(dir string, n int) *follower {
	return &follower{dir: dir, files: map[string]*os.File{}, part: map[string][]byte{}, seen: make([]bool, n), last: map[string]int{}}
}

// count reads what is new, and returns how many different messages have come.
func (f *follower) count(t *testing.T) int {
	t.Helper()
	buffer := make([]byte, 1<<16)
	for _, name := range outputs {
		if f.files[name] == nil {
			file, err := os.Open(filepath.Join(f.dir, name))
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { file.Close() })
			f.files[name] = file
		}
		for {
			n, _ := f.files[name].Read(buffer)
			if n == 0 {
				break
			}
			f.part[name] = append(f.part[name], buffer[:n]...)
			for {
				line, rest, whole := bytes.Cut(f.part[name], []byte{'\n'})
				if !whole {
					break
				}
				f.line(name, line)
				f.part[name] = rest
			}
		}
	}
	return f.distinct
}

func (f *follower) line(output string, line []byte) {
	var m numbered
	if json.Unmarshal(line, &m) != nil || m.N < 0 || m.N >= len(f.seen) || m != number(m.N) {
		f.torn++
		return
	}
	if m.output() != output {
		f.misrouted = append(f.misrouted, m)
	}
	if f.seen[m.N] {
		f.doubled++
		return
	}
	f.seen[m.N] = true
	f.distinct++
	if last, ok := f.last[output+m.Key]; ok && last > m.N {
		f.overtaken = append(f.overtaken, m)
	}
	f.last[output+m.Key] = m.N
}

// check demands that every message came to its output, and in order. Torn lines
// are the ends of files at the moment of a kill: there may be one a kill.
func (f *follower) check(t *testing.T, kills int) {
	t.Helper()
	if f.distinct != len(f.seen) {
		t.Errorf("%d of %d messages were lost", len(f.seen)-f.distinct, len(f.seen))
	}
	if len(f.misrouted) > 0 {
		t.Errorf("%d messages came to a wrong output, the first is %+v", len(f.misrouted), f.misrouted[0])
	}
	if len(f.overtaken) > 0 {
		t.Errorf("%d messages came after a later one of their key, the first is %+v", len(f.overtaken), f.overtaken[0])
	}
	if f.torn > kills {
		t.Errorf("%d lines are torn by %d kills", f.torn, kills)
	}
}

// A feeder writes numbered messages to a file that eipd follows.
type feeder struct {
	file *os.File
	n    int
}

func feed(t *testing.T, dir string) *feeder {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "in.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &feeder{file: file}
}

// upTo writes messages until there are n.
func (f *feeder) upTo(t *testing.T, n int) {
	t.Helper()
	w := bufio.NewWriter(f.file)
	for ; f.n < n; f.n++ {
		if _, err := w.Write(number(f.n).line()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}
