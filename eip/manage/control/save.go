package control

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/private"
)

// A saveFile takes what is about to be removed, a line of JSON each. Before create, it
// takes nothing.
type saveFile struct {
	path string
	file *os.File
	out  *bufio.Writer
}

// create makes a file in dir, named by what the lines are of.
func (f *saveFile) create(dir, of string) error {
	if err := private.Folder(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, fmt.Sprintf("%s-%s-*.jsonl", of, time.Now().UTC().Format("20060102T150405Z")))
	if err != nil {
		return err
	}
	f.path, f.file, f.out = file.Name(), file, bufio.NewWriter(file)
	return nil
}

func (f *saveFile) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// sync has on disk what was saved.
func (f *saveFile) sync() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.out.Flush(), f.file.Sync())
}

// save writes a message, or what JSON can say.
func (f *saveFile) save(v any) error {
	if f.file == nil {
		return nil
	}
	if m, ok := v.(*eip.Message); ok {
		return Save(f.out, m)
	}
	return json.NewEncoder(f.out).Encode(v)
}

// saveAll saves in a file that it makes where there is none, and syncs.
func (f *saveFile) saveAll(dir, of string, all []any) error {
	if f.file == nil && len(all) > 0 {
		if err := f.create(dir, of); err != nil {
			return err
		}
	}
	for _, v := range all {
		if err := f.save(v); err != nil {
			return err
		}
	}
	return f.sync()
}

// saved is a message as a line of the file.
type saved struct {
	ID            string      `json:"id,omitempty"`
	CorrelationID string      `json:"correlation_id,omitempty"`
	ReplyTo       string      `json:"reply_to,omitempty"`
	Type          string      `json:"type,omitempty"`
	Key           string      `json:"key,omitempty"`
	ContentType   string      `json:"content_type,omitempty"`
	Timestamp     string      `json:"timestamp,omitempty"`
	Headers       eip.Headers `json:"headers,omitempty"`
	Body          string      `json:"body"`
	Encoding      string      `json:"body_encoding,omitempty"` // "base64", or none
}

// Save writes a message as a line of JSON.
func Save(to io.Writer, m *eip.Message) error {
	s := saved{ID: m.ID, CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type, Key: m.Key, ContentType: m.ContentType, Headers: m.Headers, Body: string(m.Body())}
	if !m.Timestamp.IsZero() {
		s.Timestamp = m.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	if !utf8.Valid(m.Body()) {
		s.Body, s.Encoding = base64.StdEncoding.EncodeToString(m.Body()), "base64"
	}
	var line strings.Builder
	if err := json.NewEncoder(&line).Encode(s); err != nil {
		return fmt.Errorf("save message %s: %w", m.ID, err)
	}
	_, err := io.WriteString(to, line.String())
	return err
}
