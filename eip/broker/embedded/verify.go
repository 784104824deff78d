package embedded

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt has a checksum over its two meta pages, and none over the others: it
// trusts them, and panics, runs in circles or reads elsewhere in memory where they
// are damaged. So before it sees a file that was not closed in order, all of the
// file's structure is checked here: that every page is what it must be, that each belongs to one place in one
// tree, and that keys are in order. What the values hold is checked when they are
// read, by the checksum of each record.

const (
	metaMagic   = 0xED0CDAED
	metaVersion = 2

	pageHeader = 16
	element    = 16 // of branches and leaves
	metaSize   = 64
	bucketSize = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketLeaf   = 0x01

	noFreelist = ^uint64(0)
	maxTree    = 64
)

var order = binary.NativeEndian

// meta is what a meta page says.
type meta struct {
	page, root, freelist, high, tx, sum uint64
}

// verify checks the structure of a bbolt file, where closed does not say that it was
// closed in order with its meta page. stale says that one of the two meta pages is damaged:
// what the last transaction did may be missing.
func verify(f io.ReaderAt, size int64, closed func(meta) bool) (stale bool, err error) {
	m, stale, err := readMeta(f, size)
	switch {
	case err != nil:
		return false, err
	case m.high < 2 || m.page > uint64(size) || m.high > uint64(size)/m.page:
		return false, fmt.Errorf("it has %d bytes, and should have %d: it was cut off", size, m.high*m.page)
	case !stale && closed(m):
		return false, nil
	}
	c := &checker{f: f, meta: m, seen: make([]uint64, m.high/64+1)}
	if err := c.freelist(); err != nil {
		return false, err
	}
	return stale, c.tree(m.root, 0, nil, nil, c.bucket)
}

// readMeta returns the newer of the meta pages that are whole.
func readMeta(f io.ReaderAt, size int64) (m meta, stale bool, err error) {
	first, ok := metaAt(f, 0)
	if ok {
		second, ok := metaAt(f, int64(first.page))
		if !ok || second.page != first.page {
			return first, true, nil
		}
		if second.tx > first.tx {
			return second, false, nil
		}
		return first, false, nil
	}
	// The page size is not known, so the second one is searched as bbolt does.
	for at := int64(1024); at <= 1024<<14 && at < size; at *= 2 {
		if second, ok := metaAt(f, at); ok && second.page == uint64(at) {
			return second, true, nil
		}
	}
	return meta{}, false, fmt.Errorf("both of its meta pages are damaged, or it is no bbolt file")
}

func metaAt(f io.ReaderAt, at int64) (meta, bool) {
	b := make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(b, at); err != nil {
		return meta{}, false
	}
	b = b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:56])
	m := meta{page: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		high: order.Uint64(b[40:]), tx: order.Uint64(b[48:]), sum: sum.Sum64()}
	ok := order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[56:]) == m.sum &&
		m.page >= 1024 && m.page&(m.page-1) == 0
	return m, ok
}

type checker struct {
	f io.ReaderAt
	meta
	seen []uint64 // a bit for each page that has been met
	buf  []byte
}

// node is a page of a tree with those that it flows over into.
type node struct {
	c     *checker
	id    uint64
	count int
	size  int64  // of all its pages
	head  []byte // at least the elements
}

func damaged(id uint64, format string, args ...any) error {
	return fmt.Errorf("page %d: %s", id, fmt.Sprintf(format, args...))
}

// open reads the beginning of a page, and enters it as met.
func (c *checker) open(id uint64) (*node, uint16, error) {
	if id < 2 || id >= c.high {
		return nil, 0, damaged(id, "there is no such page")
	}
	if uint64(len(c.buf)) < c.page {
		c.buf = make([]byte, c.page)
	}
	b := c.buf[:c.page]
	if _, err := c.f.ReadAt(b, int64(id*c.page)); err != nil {
		return nil, 0, damaged(id, "%v", err)
	}
	flags, count, overflow := order.Uint16(b[8:]), int(order.Uint16(b[10:])), uint64(order.Uint32(b[12:]))
	if order.Uint64(b) != id {
		return nil, 0, damaged(id, "it says that it is page %d", order.Uint64(b))
	}
	if overflow >= c.high-id {
		return nil, 0, damaged(id, "it goes on over the end of the file")
	}
	for i := id; i <= id+overflow; i++ {
		if c.seen[i/64]&(1<<(i%64)) != 0 {
			return nil, 0, damaged(i, "it is used twice")
		}
		c.seen[i/64] |= 1 << (i % 64)
	}
	n := &node{c: c, id: id, count: count, size: int64((overflow + 1) * c.page), head: b}
	return n, flags, nil
}

// freelist checks the list of free pages, where one is kept. Its pages count as
// met, so that a page in it that is in use as well is found.
func (c *checker) freelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	n, flags, err := c.open(c.meta.freelist)
	if err != nil {
		return err
	}
	if flags != freelistPage {
		return damaged(n.id, "it is no freelist")
	}
	at, count := int64(pageHeader), int64(n.count)
	if n.count == 0xFFFF {
		b, err := n.bytes(at, 8)
		if err != nil {
			return err
		}
		at, count = at+8, int64(order.Uint64(b))
	}
	if count < 0 || count > n.size/8 {
		return damaged(n.id, "its count is wrong")
	}
	ids, err := n.bytes(at, count*8)
	if err != nil {
		return err
	}
	for ; len(ids) > 0; ids = ids[8:] {
		id := order.Uint64(ids)
		if id < 2 || id >= c.high || c.seen[id/64]&(1<<(id%64)) != 0 {
			return damaged(n.id, "it names page %d as free, which is none or not free", id)
		}
		c.seen[id/64] |= 1 << (id % 64)
	}
	return nil
}

// bytes returns a part of the node, wherever that is in its pages.
func (n *node) bytes(at, length int64) ([]byte, error) {
	if at < 0 || length < 0 || at > n.size || length > n.size-at {
		return nil, damaged(n.id, "something in it lies outside of it")
	}
	if at+length <= int64(len(n.head)) {
		return n.head[at : at+length], nil
	}
	b := make([]byte, length)
	if _, err := n.c.f.ReadAt(b, int64(n.id*n.c.page)+at); err != nil {
		return nil, damaged(n.id, "%v", err)
	}
	return b, nil
}
