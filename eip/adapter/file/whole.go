package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
)

// settledAfter is how long a followed file must not have been changed before it is
// taken for whole.
const settledAfter = time.Second

// wholeFiles reads each file as one message.
type wholeFiles struct {
	*source
	queue   []wholeFile
	taken   map[string]fileContent // what was given out, or was settled before
	waiting map[string]sighting
}

type wholeFile struct {
	path  string
	stamp stamp
}

// fileContent is what a file had in it.
type fileContent struct {
	stamp
	Sum  uint32 `json:"sum,omitempty"`
	File string `json:"file,omitempty"` // which file had it; "" where that was not kept
}

// is reports whether nothing was done to the file since.
func (c fileContent) is(now stamp) bool {
	if c.Changed == 0 {
		now.Changed = 0 // as older versions kept it
	}
	return c.stamp == now
}

// A sighting is since when a file that may still be written is as it is.
type sighting struct {
	stamp stamp
	since time.Time
}

func newWholeFiles(s *source) *wholeFiles {
	return &wholeFiles{source: s, taken: map[string]fileContent{}, waiting: map[string]sighting{}}
}

func (r *wholeFiles) look() error {
	paths, err := r.find()
	if err != nil {
		return err
	}
	taken, waiting := make(map[string]fileContent, len(paths)), map[string]sighting{}
	r.queue = r.queue[:0]
	for _, path := range paths {
		info, err := r.found.stat(path)
		if err != nil {
			continue // it went meanwhile
		}
		now := stampOf(info)
		was, ok := r.taken[path]
		if ok {
			taken[path] = was
		}
		if ok && was.is(now) {
			continue
		}
		if s, ok := r.unchanged(path, info); !ok {
			waiting[path] = s
			continue
		}
		r.queue = append(r.queue, wholeFile{path, now})
	}
	r.taken, r.waiting = taken, waiting // what is gone is forgotten
	return nil
}

// unchanged reports whether a file is likely to be whole.
func (r *wholeFiles) unchanged(path string, info fs.FileInfo) (sighting, bool) {
	now := time.Now()
	s, ok := r.waiting[path]
	if !ok || s.stamp != stampOf(info) {
		s = sighting{stampOf(info), now}
	}
	return s, !r.Follow || now.Sub(s.since) >= settledAfter || now.Sub(info.ModTime()) >= settledAfter
}

func (r *wholeFiles) next() (*given, error) {
	for len(r.queue) > 0 {
		f := r.queue[0]
		r.queue = r.queue[1:]
		was, ok := r.taken[f.path]
		if !ok {
			kept, err := r.kept(r.wholeKey(f.path))
			if err != nil {
				return nil, err
			}
			if json.Unmarshal(kept, &was) == nil && was.is(f.stamp) {
				r.taken[f.path] = was
				continue
			}
		}
		g, err := r.read(f)
		switch {
		case err == nil:
			r.taken[f.path] = *g.content
			if was.Size == g.content.Size && was.Sum == g.content.Sum && was.File == g.content.File {
				continue // it was only touched
			}
			return g, nil
		case errors.Is(err, errChanging), errors.Is(err, fs.ErrNotExist), r.Follow && errors.Is(err, syscall.EAGAIN):
			// It is looked at again, if it is there.
		case !isGlob(r.Path.Source):
			return nil, fmt.Errorf("read %s: %w", f.path, err)
		default:
			r.taken[f.path] = fileContent{stamp: f.stamp}
			r.env.Log.Error("file is left out", slog.String("path", f.path), slog.Any("error", err))
		}
	}
	return nil, nil
}

var errChanging = errors.New("it is being written")

// read makes a message of a file.
func (r *wholeFiles) read(f wholeFile) (*given, error) {
	file, err := r.found.open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := io.Reader(file)
	if r.zipped(f.path) {
		in = &unzip{file: file}
	}
	whole, err := stream.ReadWhole(in, int(r.MaxBody), f.stamp.Size)
	invalid := whole.Err(int(r.MaxBody))
	switch {
	case errors.Is(err, errDamaged):
		invalid = eip.Invalid(fmt.Errorf("read message: %w", err))
	case err != nil:
		return nil, err
	}
	id, info, err := identify(file)
	if err != nil {
		return nil, err
	}
	if r.Follow && stampOf(info) != f.stamp {
		return nil, errChanging
	}
	h := fnv.New64a()
	io.WriteString(h, absolute(f.path))
	sum := crc32.Checksum(whole.Content, castagnoli)
	return &given{
		origin: r, id: fmt.Sprintf("%x-%x-%x-%x", h.Sum64(), f.stamp.Modified, f.stamp.Size, sum),
		body: whole.Body(int(r.MaxBody)), err: invalid, content: &fileContent{f.stamp, sum, id.lasting()},
		contentType: r.typeOf(f.path), headers: eip.Headers{"file": f.path}, timestamp: time.Unix(0, f.stamp.Modified),
	}, nil
}

// settled keeps that the file needs not be read again unless it is changed.
func (r *wholeFiles) settled(g *given) {
	if value, err := json.Marshal(g.content); err == nil {
		r.keep(r.wholeKey(g.headers["file"].(string)), value)
	}
}

func (r *wholeFiles) wholeKey(path string) string { return r.key(absolute(path)) }

func (r *wholeFiles) close() error { return nil }
