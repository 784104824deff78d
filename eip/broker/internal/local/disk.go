package local

import "context"

// disk is what a queue with a log knows of it.
type disk struct {
	spilled  bool // from readFrom to lastSeq, messages are on disk only
	loading  bool // a source reads them
	readFrom uint64
	// Messages up to mark may have been delivered, the disk says. After a crash
	// those are redelivered; before doubtful was the mark of an earlier process.
	mark, doubtful uint64
	delivered      uint64 // the highest that was taken
}

const (
	// maxCached bounds the messages that wait in memory although they are on disk,
	// in all queues together.
	maxCached = 16 << 20
	// markAhead is how far the mark may be ahead of what was delivered, so that it
	// need not be written for each message. So many messages at most are called
	// redelivered after a crash although they were not.
	markAhead = 4096
)

// cache reports whether e may wait in memory. A queue may always keep one.
func (q *Queue) cache(e *Entry) bool {
	if q.log == nil {
		return true
	}
	if q.spilled {
		return false
	}
	if q.ready.n > 0 && q.b.cached.Load()+e.size > maxCached {
		q.spilled, q.readFrom = true, e.Seq
		return false
	}
	q.b.cached.Add(e.size)
	return true
}

func (q *Queue) uncache(e *Entry) {
	if q.log != nil {
		q.b.cached.Add(-e.size)
	}
}

// load reads the next batch from disk. The lock is not held meanwhile.
func (q *Queue) load() error {
	q.loading = true
	from, to := q.readFrom, q.lastSeq
	q.mu.Unlock()
	batch, err := q.log.Read(from, to)
	q.mu.Lock()
	q.loading = false
	if err != nil || q.gone {
		q.signal(len(q.sources))
		return err
	}
	for _, e := range batch.Entries {
		e.queue, e.size = q, e.Message.Size()
		e.Message.Redelivered = e.Seq <= q.doubtful
		e.Message = q.deliverable(e.Message)
		q.b.cached.Add(e.size)
		q.ready.push(e)
	}
	q.length -= batch.Damaged
	q.readFrom = batch.Next
	q.spilled = q.readFrom <= q.lastSeq
	q.signal(len(batch.Entries))
	q.arm()
	return nil
}

// reload reads the message of e, the head, which was set aside. The lock is not held
// meanwhile.
func (q *Queue) reload(e *Entry) error {
	q.mu.Unlock()
	batch, err := q.log.Read(e.Seq, e.Seq)
	q.mu.Lock()
	switch {
	case err != nil, q.gone, e.Message != nil, q.head() != e:
	case len(batch.Entries) == 0: // it is damaged, and was set apart
		q.pop(e)
		e.state = settled
	default:
		e.renew(batch.Entries[0].Message)
	}
	return err
}

// raiseMark makes sure that e may be delivered. The lock is not held meanwhile.
func (q *Queue) raiseMark(ctx context.Context, e *Entry) error {
	mark := min(e.Seq+markAhead, q.lastSeq)
	q.mu.Unlock()
	err := q.log.Mark(ctx, mark)
	q.mu.Lock()
	if err == nil {
		q.mark = max(q.mark, mark)
	}
	return err
}

// NextMark is what the mark should become in a transaction that appends up to seq,
// so that those who read the queue need not wait for another one.
func (q *Queue) NextMark(seq uint64) (mark uint64, raise bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	mark = min(seq, max(q.delivered, q.mark)+markAhead)
	return mark, len(q.sources) > 0 && mark > q.mark
}

// Marked says that the mark is on disk.
func (q *Queue) Marked(mark uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mark = max(q.mark, mark)
}

// Delivered is the highest number that was ever delivered.
func (q *Queue) Delivered() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(q.delivered, q.doubtful)
}

// restore takes over what an earlier process left.
func (q *Queue) restore(k Kept) {
	q.mark, q.doubtful = k.Mark, k.Mark
	if k.Last == 0 {
		return
	}
	q.lastSeq, q.readFrom, q.spilled = k.Last, k.First, true
	q.length = k.Count
	q.note(k.First) // it cannot be known how long it has waited before
	if q.expires() {
		q.sweepSoon()
	}
}

// behind waits for the store, where that must be; the lock is not held meanwhile.
func (q *Queue) behind(ctx context.Context) (waited bool) {
	caught := q.log.Behind()
	if caught == nil {
		return false
	}
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-caught:
	case <-ctx.Done():
	case <-q.b.closing.Done():
	}
	return true
}
