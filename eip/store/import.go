package store

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Bounds of Import.
const (
	mostLine  = 512 << 20 // of a value of the largest size, in base64
	mostBytes = 4 << 20   // that one step writes
)

// importKey is in a space while it is imported.
const importKey = "\x00import"

// Import reads what Export has written into spaces with nothing in them. It reads all of
// it before it writes anything. What is imported in part, because the process was killed,
// is imported again from the beginning.
func Import(ctx context.Context, s Store, from io.ReadSeeker) (names []string, err error) {
	err = read(from, func(l *line) error {
		if l.Space == "" {
			return nil
		}
		if slices.Contains(names, l.Space) {
			return fmt.Errorf("the space %s is there twice", l.Space)
		}
		names = append(names, l.Space)
		return mayImport(s, l.Space)
	})
	if err != nil {
		return nil, fmt.Errorf("nothing was imported: %w", err)
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	w := &importer{ctx: ctx, store: s}
	if err := read(from, w.line); err != nil {
		return nil, err
	}
	return names, w.end()
}

// partial reports whether a space was imported in part.
func partial(r Reader) bool {
	was, _ := r.Get(importKey)
	return was != nil
}

// mayImport reports that a space has something in it.
func mayImport(s Store, name string) error {
	there, err := s.Spaces()
	if err != nil || !slices.Contains(there, name) {
		return err
	}
	p, err := s.Space(name)
	if err != nil {
		return err
	}
	full := false
	err = p.View(func(r Reader) error {
		for key := range r.Range("", "") {
			if full = !isOwn(key) && !partial(r); full {
				break
			}
		}
		return nil
	})
	if full {
		err = fmt.Errorf("something is remembered for %s already", name)
	}
	return err
}

// read calls f with each line of an export.
func read(from io.Reader, f func(*line) error) error {
	in := bufio.NewScanner(from)
	in.Buffer(make([]byte, 64<<10), mostLine)
	n, inSpace, ended := 0, false, false
	for in.Scan() {
		n++
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil && n > 1 {
			return fmt.Errorf("line %d: %w", n, cmp.Or(in.Err(), err))
		}
		switch {
		case ended:
			return fmt.Errorf("line %d: there is more after the end", n)
		case l.End != 0 && l.End != n-1:
			return fmt.Errorf("line %d: there should be %d lines before it", n, l.End)
		case l.End != 0:
			ended = true
			continue
		case n == 1 && l.Version < 1:
			return fmt.Errorf("line 1: it is no export of eipd state: that begins with {\"eipd_state\":%d}", exportVersion)
		case n == 1 && l.Version > exportVersion:
			return fmt.Errorf("line 1: it has the format %d, and this program knows those up to %d: take a newer one", l.Version, exportVersion)
		case n == 1:
			continue
		case l.Space != "" && !l.isRecord():
			inSpace = true
		case !inSpace || !l.isRecord() || l.Space != "":
			return fmt.Errorf("line %d: it is neither a space nor a key of one", n)
		case len(l.key()) > MaxKey:
			return fmt.Errorf("line %d: the key has %d bytes, more than %d", n, len(l.key()), MaxKey)
		}
		if err := f(&l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	if !ended {
		return fmt.Errorf("line %d: it was cut off: the end is missing", n+1)
	}
	return nil
}

// importer writes lines, many in one step.
type importer struct {
	ctx   context.Context
	store Store
	space Space
	last  uint64
	lines []*line
	size  int
}

func (w *importer) line(l *line) (err error) {
	if l.Space == "" {
		w.lines, w.size = append(w.lines, l), w.size+len(l.Value)
		if w.size > mostBytes || len(w.lines) == mostAtOnce {
			return w.flush(false)
		}
		return nil
	}
	if err := w.end(); err != nil {
		return err
	}
	if w.space, err = w.store.Space(l.Space); err != nil {
		return err
	}
	w.last = l.Last
	return w.clear()
}

// clear removes what an earlier import has left, and says that there is one now.
func (w *importer) clear() error {
	for more := true; more; {
		err := Do(w.ctx, w.space, func(tx Tx) error {
			tx.Put(importKey, nil, time.Time{})
			var keys []string
			for key := range tx.Range("", "") {
				if key != importKey {
					keys = append(keys, key)
				}
				if len(keys) == mostAtOnce {
					break
				}
			}
			for _, key := range keys {
				tx.Delete(key)
			}
			more = len(keys) == mostAtOnce
			return tx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flush writes what was read of the space; last: that is all.
func (w *importer) flush(last bool) error {
	lines := w.lines
	w.lines, w.size = nil, 0
	return Do(w.ctx, w.space, func(tx Tx) error {
		for _, l := range lines {
			var due time.Time
			if l.Due != nil {
				due = *l.Due
			}
			tx.Put(l.key(), l.Value, due)
		}
		if last {
			tx.Skip(w.last)
			tx.Delete(importKey)
		}
		return tx.Err()
	})
}

// end ends the space.
func (w *importer) end() error {
	if w.space == nil {
		return nil
	}
	return w.flush(true)
}
