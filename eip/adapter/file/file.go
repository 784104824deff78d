package file

import (
	"context"
	"errors"
	"mime"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { adapter.Add("file", func() any { return New() }) }

// An Adapter reads files, and writes them.
type Adapter struct {
	// The file. As a source it may be a glob, in which `*` and `?` stand for anything
	// but `/`, `**` for any folders, `[ab]` and `{a,b}` for one of several. As a sink it
	// is an expression that gives each message's file: with `format = "whole"`, with
	// `root`, or where it begins with a quote.
	Path adapter.Program `flow:"path,required"`
	// What one message is: a line, or a whole file.
	Format adapter.Format `flow:"format"`
	// Source: go on with what is added to the files, and with files that come later.
	Follow bool `flow:"follow"`
	// Source: the messages' content type. Without one it follows from the file's
	// ending: .jsonl, .ndjson and .json are JSON. A file that ends in .gz is unzipped,
	// unless this is "application/gzip".
	ContentType string `flow:"content_type"`
	// Source: the longest line or file, unzipped. What is longer is an invalid message, and is
	// cut off there.
	MaxBody eip.Bytes `flow:"max_body"`
	// Sink with an expression for `path`: the folder that no message's file may be
	// outside of. Without one it is the working directory, or, where `path` begins with
	// an absolute path in quotes, the folder that this names.
	Root string `flow:"root"`
	// Sink: wait until the disk has what was written before messages are settled.
	Sync bool `flow:"sync"`
	testmessage.Option
}

// New makes an Adapter of lines.
func New() *Adapter {
	return &Adapter{Option: testmessage.Default, Format: adapter.Lines, MaxBody: stream.MaxBody}
}

// Validate checks the options that count in either role.
func (a *Adapter) Validate() error {
	if a.Path.Source == "" && a.Path.Text == nil {
		return eip.OptionErrorf("path", "it is empty; name a file")
	}
	if strings.ContainsRune(a.Path.Source, 0) {
		return eip.OptionErrorf("path", "it has a NUL byte, which no file name can have")
	}
	return errors.Join(a.Format.Validate(), stream.CheckMaxBody(a.MaxBody))
}

// OneWay says that a file answers nothing.
func (a *Adapter) OneWay() bool { return true }

// CheckSource checks the options of a source.
func (a *Adapter) CheckSource() error {
	switch {
	case !doublestar.ValidatePathPattern(a.Path.Source):
		return eip.OptionErrorf("path", "%q is no glob: a [ or { is not closed", a.Path.Source)
	case a.Root != "":
		return eip.OptionErrorf("root", "it is for writing; nothing is written where the adapter is read")
	case a.Sync:
		return eip.OptionErrorf("sync", "it is for writing; nothing is written where the adapter is read")
	}
	return nil
}

// CheckSink checks the options of a sink.
func (a *Adapter) CheckSink() error {
	switch {
	case a.Follow:
		return eip.OptionErrorf("follow", "it is for reading; nothing is read where the adapter is written to")
	case a.perMessage():
		_, err := a.pathText()
		return err
	case strings.ContainsAny(a.Path.Source, "*?"):
		return eip.OptionErrorf("path", "%q is a glob; lines are written to one file, so name it; an expression for each message's file begins with a quote, or goes with root", a.Path.Source)
	}
	return nil
}

// OpenSource finds the files. Without Follow, a file that is named must exist.
func (a *Adapter) OpenSource(_ context.Context, env *adapter.Env) (adapter.Source, error) {
	if err := errors.Join(a.Validate(), a.CheckSource()); err != nil {
		return nil, err
	}
	return openSource(a, env)
}

// OpenSink makes the folder. Where it is one file that lines are written to, it opens
// that too.
func (a *Adapter) OpenSink(_ context.Context, _ *adapter.Env) (adapter.Sink, error) {
	if err := errors.Join(a.Validate(), a.CheckSink()); err != nil {
		return nil, err
	}
	switch {
	case a.Format == adapter.Whole:
		return openWholeSink(a)
	case a.perMessage():
		return openLinesSink(a)
	}
	path := filepath.Clean(a.Path.Source)
	return openLineFile(&lineFile{name: path, path: path, sync: a.Sync})
}

// types are the content types of the endings that mean the same everywhere. Others
// are the system's.
var types = map[string]string{
	".json": "application/json", ".jsonl": "application/json", ".ndjson": "application/json",
	".geojson": "application/geo+json",
	".txt":     "text/plain", ".log": "text/plain", ".text": "text/plain", ".md": "text/markdown",
	".csv": "text/csv", ".tsv": "text/tab-separated-values", ".html": "text/html", ".htm": "text/html",
	".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
	".webp": "image/webp", ".svg": "image/svg+xml", ".pdf": "application/pdf",
	".zip": "application/zip", ".gz": "application/gzip",
}

// typeOf is the content type of what is read from path.
func (a *Adapter) typeOf(path string) string {
	if a.ContentType != "" {
		return a.ContentType
	}
	if a.zipped(path) {
		path = path[:len(path)-len(".gz")]
	}
	ending := strings.ToLower(filepath.Ext(path))
	if a.Format == adapter.Whole && (ending == ".jsonl" || ending == ".ndjson") {
		return "application/x-ndjson" // many JSON texts are not one
	}
	if t, ok := types[ending]; ok {
		return t
	}
	t, _, _ := mime.ParseMediaType(mime.TypeByExtension(ending))
	return t
}
