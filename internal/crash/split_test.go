package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// splitFlow takes orders into a queue, and splits them into another one.
const splitFlow = `
adapter "file" "in" { path = "in.jsonl" }
adapter "file" "out" { path = "out.jsonl" }
queue "orders" {}
queue "parts" {}

flow "take" {
  from = adapter.in
  to   = queue.orders
}

flow "split" {
  from = queue.orders
  splitter {
    parts     = "body.parts"
    in_flight = 25
  }
  to = queue.parts
}

flow "write" {
  from = queue.parts
  transform { body = "{id: message.id, whole: message.sequence.id, number: message.sequence.number, size: message.sequence.size, part: body}" }
  to   = adapter.out
}
`

// Killed at random moments, no part of any order is lost, and one that comes twice is the
// same, with the same Message ID.
func TestKill_WhileSplitting(t *testing.T) {
	t.Parallel()
	const each = 10
	orders, kills := scale(5_000, 500), scale(30, 5)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", splitFlow)
	var in bytes.Buffer
	for n := range orders {
		list := make([]int, each)
		for i := range list {
			list[i] = n*each + i
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&in, "{\"parts\":%s}\n", text)
	}
	write(t, dir, "in.jsonl", in.String())
	out := &splitOut{path: filepath.Join(dir, "out.jsonl"), parts: map[int]string{}}
	for life := range kills {
		p := run(t, dir, "flow.hcl")
		goal := orders*each*life/kills + rand.IntN(orders*each/kills)
		until(t, "parts come out", func() bool { return out.read(t, each) >= goal })
		p.kill()
	}
	run(t, dir, "flow.hcl")
	until(t, "all parts come out", func() bool { return out.read(t, each) >= orders*each })
	t.Logf("%d parts, %d kills: %d doubled", len(out.parts), kills, out.doubled)
}

// splitOut is what has come out.
type splitOut struct {
	path    string
	at      int64
	parts   map[int]string // by the part, what it says of itself
	doubled int
}

// read looks at further lines, and returns how many different parts have come.
func (o *splitOut) read(t *testing.T, size int) int {
	f, err := os.Open(o.path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(o.at, 0); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // what is not yet whole is read again
			return len(o.parts)
		}
		o.at += int64(len(line))
		var m struct {
			ID, Whole          string
			Number, Size, Part int
		}
		if json.Unmarshal(line, &m) != nil { // torn by a kill
			continue
		}
		if m.Size != size || m.Number != m.Part%size+1 || m.ID == "" {
			t.Errorf("part %d is %s", m.Part, line)
		}
		switch was := o.parts[m.Part]; {
		case was == "":
			o.parts[m.Part] = string(line)
		case was != string(line):
			t.Errorf("a part came as %s and as %s", was, line)
		default:
			o.doubled++
		}
	}
}
