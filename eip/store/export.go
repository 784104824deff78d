package store

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"time"
	"unicode/utf8"
)

// exportVersion is the format of an export. Import reads it and older ones.
const exportVersion = 1

// line is one of an export: the version, a space, a record of the last space, or the end.
type line struct {
	Version int `json:"eipd_state,omitempty"`

	Space string `json:"space,omitempty"`
	Last  uint64 `json:"last,omitempty"` // the number that it has given last

	Key       *string    `json:"key,omitempty"`
	KeyBase64 []byte     `json:"key_base64,omitempty"` // of one that is no text
	Due       *time.Time `json:"due,omitempty"`
	Value     []byte     `json:"value,omitempty"` // in base64

	End int `json:"end,omitempty"` // how many lines there were before
}

func (l *line) isRecord() bool { return l.Key != nil || len(l.KeyBase64) > 0 }

func (l *line) key() string {
	if l.Key != nil {
		return *l.Key
	}
	return string(l.KeyBase64)
}

// An Exporter writes spaces as lines of JSON, which [Import] reads.
type Exporter struct {
	out   *bufio.Writer
	lines *json.Encoder
	n     int
}

// NewExporter returns one that writes to a file.
func NewExporter(to io.Writer) *Exporter {
	e := &Exporter{out: bufio.NewWriter(to)}
	e.lines = json.NewEncoder(e.out)
	e.lines.SetEscapeHTML(false)
	_ = e.write(line{Version: exportVersion}) // End returns the error
	return e
}

func (e *Exporter) write(l line) error {
	e.n++
	return e.lines.Encode(l)
}

// Space writes a space.
func (e *Exporter) Space(ctx context.Context, p Space) error {
	return p.View(func(r Reader) error {
		if err := e.write(line{Space: p.Name(), Last: r.Last()}); err != nil {
			return err
		}
		for key, value := range r.Range("", "") {
			l := line{Value: value}
			if utf8.ValidString(key) {
				l.Key = &key
			} else {
				l.KeyBase64 = []byte(key)
			}
			if _, due := r.Get(key); !due.IsZero() {
				due = due.UTC()
				l.Due = &due
			}
			if err := e.write(l); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// End writes the end, without which an export is none.
func (e *Exporter) End() error {
	if err := e.write(line{End: e.n}); err != nil {
		return err
	}
	return e.out.Flush()
}
