package file

import (
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// A stamp tells whether a file was touched.
type stamp struct {
	Size     int64 `json:"size"`
	Modified int64 `json:"modified"` // nanoseconds
	// Changed is when the system noticed the last change, which nobody can set; 0 where
	// it does not say.
	Changed int64 `json:"changed"`
}

func stampOf(info fs.FileInfo) stamp {
	return stamp{info.Size(), info.ModTime().UnixNano(), changedAt(info)}
}

// A digest tells whether what was read of a file is what is there still.
type digest struct {
	from, to int64  // what all is of
	all      uint32 // the sum
	head     uint32 // the sum of what there is of the first bytes, if from is 0
}

// add takes what was read on.
func (d *digest) add(b []byte) {
	if room := checked - d.to; d.from == 0 && room > 0 {
		n := min(int64(len(b)), room)
		d.sum(b[:n])
		d.head, b = d.all, b[n:]
	}
	d.sum(b)
}

func (d *digest) sum(b []byte) {
	d.all = crc32.Update(d.all, castagnoli, b)
	d.to += int64(len(b))
}

// begins reports whether f begins as it did.
func (d *digest) begins(f *os.File) bool {
	if d.from > 0 {
		return true // it is not known
	}
	b := make([]byte, min(d.to, checked))
	_, err := f.ReadAt(b, 0)
	return err == nil && crc32.Checksum(b, castagnoli) == d.head
}

// holds reads all again. It reports true where it was stopped.
func (d *digest) holds(f *os.File, stop <-chan struct{}) bool {
	now, b := digest{from: d.from, to: d.from}, make([]byte, min(d.to-d.from, 1<<20))
	for now.to < d.to {
		select {
		case <-stop:
			return true
		default:
		}
		b = b[:min(int64(len(b)), d.to-now.to)]
		if n, err := f.ReadAt(b, now.to); n < len(b) && err != nil {
			return err != io.EOF
		}
		now.sum(b)
	}
	return now.all == d.all
}
