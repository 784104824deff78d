package embedded

import "bytes"

// visit is called for each key of a tree's leaves, and told where in n its value
// is.
type visit func(n *node, flags uint32, key []byte, at, length int64) error

// tree checks the pages from id downwards. Their keys must be at least least, and
// less than limit where that is not nil.
func (c *checker) tree(id uint64, depth int, least, limit []byte, each visit) error {
	if depth > maxTree {
		return damaged(id, "the tree is too deep")
	}
	n, flags, err := c.open(id)
	if err != nil {
		return err
	}
	switch flags {
	case leafPage:
		return n.leafElements(least, limit, each)
	case branchPage:
		return n.branchElements(depth, least, limit, each)
	}
	return damaged(id, "it is neither branch nor leaf")
}

type child struct {
	id  uint64
	key []byte
}

func (n *node) branchElements(depth int, least, limit []byte, each visit) error {
	children := make([]child, 0, n.count)
	next := n.data()
	for i := range int64(n.count) {
		at := pageHeader + i*element
		e, err := n.bytes(at, element)
		if err != nil {
			return err
		}
		id, from, length := order.Uint64(e[8:]), at+int64(order.Uint32(e)), int64(order.Uint32(e[4:]))
		key, err := n.bytes(from, length)
		if err != nil {
			return err
		}
		if from != next {
			return n.gap()
		}
		next += length
		if err := n.ordered(least, key, limit, i == 0); err != nil {
			return err
		}
		least = bytes.Clone(key)
		children = append(children, child{id, least})
	}
	if len(children) == 0 {
		return damaged(n.id, "it is a branch without children")
	}
	for i, ch := range children {
		end := limit
		if i+1 < len(children) {
			end = children[i+1].key
		}
		if err := n.c.tree(ch.id, depth+1, ch.key, end, each); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) leafElements(least, limit []byte, each visit) error {
	if n.count == 0 {
		return n.empty()
	}
	next := n.data()
	for i := range int64(n.count) {
		at := pageHeader + i*element
		e, err := n.bytes(at, element)
		if err != nil {
			return err
		}
		flags, from := order.Uint32(e), at+int64(order.Uint32(e[4:]))
		keyLen, valueLen := int64(order.Uint32(e[8:])), int64(order.Uint32(e[12:]))
		key, err := n.bytes(from, keyLen)
		if err != nil {
			return err
		}
		if valueLen > n.size-from-keyLen {
			return damaged(n.id, "a value lies outside of it")
		}
		if from != next {
			return n.gap()
		}
		next += keyLen + valueLen
		if err := n.ordered(least, key, limit, i == 0); err != nil {
			return err
		}
		if err := each(n, flags, key, from+keyLen, valueLen); err != nil {
			return err
		}
		least = key
	}
	return nil
}

// data is where bbolt puts the first key. The other keys and values follow without
// a gap, so that a page which says that it has fewer of them than it has is found.
func (n *node) data() int64 { return pageHeader + int64(n.count)*element }

func (n *node) gap() error { return damaged(n.id, "what is in it does not lie where it must") }

// empty checks a leaf without keys. The rest of such a page is zero, of which the
// first element would not be.
func (n *node) empty() error {
	first, err := n.bytes(pageHeader, min(element, n.size-pageHeader))
	if err != nil {
		return err
	}
	if bytes.ContainsFunc(first, func(r rune) bool { return r != 0 }) {
		return n.gap()
	}
	return nil
}

// ordered checks that a key follows the one before it.
func (n *node) ordered(before, key, limit []byte, first bool) error {
	over := bytes.Compare(key, before)
	switch {
	case len(key) == 0:
		return damaged(n.id, "a key is empty")
	case over < 0, over == 0 && !first, limit != nil && bytes.Compare(key, limit) >= 0:
		return damaged(n.id, "its keys are not in order")
	}
	return nil
}

// bucket checks one top-level bucket. There are no others below those.
func (c *checker) bucket(n *node, flags uint32, name []byte, at, length int64) error {
	if flags != bucketLeaf {
		return damaged(n.id, "%q is no bucket", name)
	}
	v, err := n.bytes(at, length)
	if err != nil {
		return err
	}
	if len(v) < bucketSize {
		return damaged(n.id, "the bucket %q is too short", name)
	}
	key := func(n *node, flags uint32, _ []byte, _, _ int64) error {
		if flags != 0 {
			return damaged(n.id, "the bucket %q has something else than values in it", name)
		}
		return nil
	}
	if root := order.Uint64(v); root != 0 {
		// v and name may lie in the buffer that the tree's pages would take over.
		return c.inOwnBuffer(func() error { return c.tree(root, 0, nil, nil, key) })
	}
	return c.inline(n.id, name, v[bucketSize:], key)
}

// inline checks a small bucket, whose one page lies in its parent's value.
func (c *checker) inline(id uint64, name, page []byte, each visit) error {
	if len(page) < pageHeader || order.Uint16(page[8:]) != leafPage {
		return damaged(id, "the bucket %q is damaged", name)
	}
	n := &node{c: c, id: id, count: int(order.Uint16(page[10:])), size: int64(len(page)), head: page}
	return n.leafElements(nil, nil, each)
}

// inOwnBuffer keeps the buffer of the page that is being read while f reads others.
func (c *checker) inOwnBuffer(f func() error) error {
	kept := c.buf
	c.buf = nil
	err := f()
	c.buf = kept
	return err
}
