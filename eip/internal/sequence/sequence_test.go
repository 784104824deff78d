package sequence_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/sequence"
)

func written(s eip.Sequence) map[string]any {
	h := map[string]any{}
	sequence.Write(s, func(name string, v any) { h[name] = v })
	return h
}

func read(h map[string]any) eip.Sequence {
	return sequence.Read(func(name string) any { return h[name] })
}

func random(r *rand.Rand, depth int) *eip.Sequence {
	s := &eip.Sequence{Number: int(r.Int64() >> r.IntN(63)), Size: r.IntN(3)}
	for range r.IntN(6) {
		s.ID += string([]rune{'a', '"', '\\', 'ü', '<', 0, '\u2028', '/', '😀'}[r.IntN(9)])
	}
	if depth > 0 {
		s.Outer = random(r, depth-1)
	}
	return s
}

// What is written is read as it was, also by those who have only text.
func TestSequence_RoundTrip(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		s := random(r, r.IntN(sequence.MaxOuter+1))
		h := written(*s)
		if got := read(h); !reflect.DeepEqual(got, *s) {
			t.Fatalf("seed %d: %v was read as %+v, want %+v", seed, h, got, s)
		}
		for name, v := range h {
			h[name] = fmt.Sprint(v)
		}
		if got := read(h); !reflect.DeepEqual(got, *s) {
			t.Fatalf("seed %d: the text %v was read as %+v, want %+v", seed, h, got, s)
		}
	}
	if len(written(eip.Sequence{})) > 0 {
		t.Error("no sequence is written")
	}
	deep := read(written(*random(r, 20)))
	n := 0
	for o := deep.Outer; o != nil; o = o.Outer {
		n++
	}
	if n != sequence.MaxOuter {
		t.Errorf("of 20 outer ones %d were carried", n)
	}
}

// Others' numbers are read, whatever kind they have; nonsense is no sequence at all.
func TestSequence_OfOthers(t *testing.T) {
	type h = map[string]any
	const id, number, size, outer = header.SequenceID, header.SequenceNumber, header.SequenceSize, header.SequenceOuter
	plain := eip.Sequence{ID: "w", Number: 2, Size: 3}
	within := eip.Sequence{ID: "w", Outer: &eip.Sequence{ID: "v", Number: 1, Size: 2, Outer: &eip.Sequence{}}}
	for _, c := range []struct {
		h    h
		want eip.Sequence
	}{
		{h{id: "w", number: int32(2), size: int64(3)}, plain},
		{h{id: "w", number: uint8(2), size: "3"}, plain},
		{h{id: "w", number: "", size: nil, outer: ""}, eip.Sequence{ID: "w"}},
		{h{id: "w", outer: ` [ ["v", 1, 2], ["", 0, 0] ] `}, within},
		{h{id: "w", outer: "[]"}, eip.Sequence{ID: "w"}},
		{h{number: int64(7)}, eip.Sequence{Number: 7}},
		{h{id: 7, number: 2}, eip.Sequence{}},
		{h{id: []byte("w")}, eip.Sequence{}},
		{h{id: "w", number: -1}, eip.Sequence{}},
		{h{id: "w", number: "-1"}, eip.Sequence{}},
		{h{id: "w", number: "two"}, eip.Sequence{}},
		{h{id: "w", number: 2.0}, eip.Sequence{}},
		{h{id: "w", number: "2.0"}, eip.Sequence{}},
		{h{id: "w", number: "+2"}, eip.Sequence{}},
		{h{id: "w", number: uint64(math.MaxUint64)}, eip.Sequence{}},
		{h{id: "w", size: "18446744073709551617"}, eip.Sequence{}},
		{h{id: "w", size: true}, eip.Sequence{}},
		{h{id: "w", outer: 7}, eip.Sequence{}},
		{h{id: "w", outer: "{}"}, eip.Sequence{}},
		{h{id: "w", outer: "[["}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1,2,3]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1,-2]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1,1e3]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1,99999999999999999999]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[[1,1,2]]`}, eip.Sequence{}},
		{h{id: "w", outer: `[["v",1,2]] more`}, eip.Sequence{}},
		{h{id: "w", outer: "[[\"\xff\",1,2]]"}, eip.Sequence{}},
		{h{id: "w", outer: "[" + strings.Repeat(`["v",1,2],`, 8) + `["v",1,2]]`}, eip.Sequence{}},
		{h{id: "w", outer: strings.Repeat("[", 1<<20)}, eip.Sequence{}},
	} {
		if got := read(c.h); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.80v was read as %+v, want %+v", c.h, got, c.want)
		}
	}
}
