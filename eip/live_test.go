package eip_test

import (
	"fmt"
	"testing"

	"github.com/eipd/eipd/eip"
)

func ExampleLive() {
	type Throttle struct {
		PerSecond eip.Live[int] `flow:"per_second"`
	}
	t := &Throttle{PerSecond: eip.LiveOf(10)}
	fmt.Println(t.PerSecond.Load())
	t.PerSecond.Set(20) // at any time
	fmt.Println(t.PerSecond.Load())
	// Output:
	// 10
	// 20
}

func TestLive_ZeroHoldsTheZeroValue(t *testing.T) {
	var on eip.Live[bool]
	var holds eip.Live[eip.Predicate]
	if on.Load() || holds.Load() != nil {
		t.Error("the zero Lives hold something")
	}
	if v, _ := holds.Option().Value(); v == nil {
		t.Error("its type is not told where it holds nil")
	}
}

func TestLive_Option(t *testing.T) {
	l := eip.LiveOf(1)
	for _, text := range []string{"two", ""} {
		l.Option().SetValue(2, text)
		if v, got := l.Option().Value(); v != 2 || got != text || l.Load() != 2 {
			t.Errorf("%v, %q", v, got)
		}
	}
	l.Option().SetValue(2, "two")
	l.Set(3)
	if v, text := l.Option().Value(); v != 3 || text != "" {
		t.Errorf("set to 3 it is %v, written as %q", v, text)
	}
}

func TestSnapshot_ReadsAnewOnlyAfterASet(t *testing.T) {
	var a, b eip.Live[int]
	var s eip.Snapshot[[2]int]
	reads := 0
	load := func() [2]int {
		return s.Load(func() [2]int { reads++; return [2]int{a.Load(), b.Load()} })
	}
	load()
	if got := load(); got != [2]int{} || reads != 1 {
		t.Errorf("%v after %d reads", got, reads)
	}
	b.Set(2)
	load()
	if got := load(); got != [2]int{0, 2} || reads != 2 {
		t.Errorf("%v after %d reads", got, reads)
	}
}
