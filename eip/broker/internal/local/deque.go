package local

import "container/heap"

// deque is a ring of entries. A large one gives its memory back when it has
// drained.
type deque struct {
	ring    []*Entry
	head, n int
}

const smallRing, largeRing = 64, 4096 // powers of two

func (d *deque) push(e *Entry) {
	if d.n == len(d.ring) {
		grown := make([]*Entry, max(smallRing, 2*d.n))
		copy(grown[copy(grown, d.ring[d.head:]):], d.ring[:d.head])
		d.ring, d.head = grown, 0
	}
	d.ring[(d.head+d.n)&(len(d.ring)-1)] = e
	d.n++
}

func (d *deque) peek() *Entry {
	if d.n == 0 {
		return nil
	}
	return d.at(0)
}

// at returns the entry so many behind the first.
func (d *deque) at(i int) *Entry { return d.ring[(d.head+i)&(len(d.ring)-1)] }

func (d *deque) pop() {
	d.ring[d.head] = nil
	d.head = (d.head + 1) & (len(d.ring) - 1)
	if d.n--; d.n == 0 && len(d.ring) > largeRing {
		*d = deque{}
	}
}

// bySeq is a heap of entries that were given back, the oldest first.
type bySeq []*Entry

func (h bySeq) Len() int           { return len(h) }
func (h bySeq) Less(i, j int) bool { return h[i].Seq < h[j].Seq }
func (h bySeq) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *bySeq) Push(x any)        { *h = append(*h, x.(*Entry)) }
func (h *bySeq) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

func (h *bySeq) push(e *Entry) { heap.Push(h, e) }
func (h *bySeq) pop()          { heap.Pop(h) }
func (h bySeq) peek() *Entry {
	if len(h) == 0 {
		return nil
	}
	return h[0]
}
