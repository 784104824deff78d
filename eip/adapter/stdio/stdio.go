package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { adapter.Add("stdio", func() any { return New() }) }

// An Adapter reads standard input and writes standard output.
type Adapter struct {
	// What one message is. As a source, `lines` makes a message of each line, and
	// `whole` makes one of the whole input. As a sink, `lines` writes each body as a
	// line, and `whole` writes bodies as they are, with nothing between them.
	Format adapter.Format `flow:"format"`
	// The content type of what is read. Without one, bodies are JSON where they are
	// valid JSON, else text.
	ContentType string `flow:"content_type"`
	// The longest body that is read. What is longer is an invalid message, and is
	// cut off there.
	MaxBody eip.Bytes `flow:"max_body"`
	testmessage.Option
}

// New makes an Adapter of lines.
func New() *Adapter {
	return &Adapter{Option: testmessage.Default, Format: adapter.Lines, MaxBody: stream.MaxBody}
}

// Validate checks the options.
func (a *Adapter) Validate() error {
	return errors.Join(a.Format.Validate(), stream.CheckMaxBody(a.MaxBody))
}

// OneWay says that nothing answers what is printed.
func (a *Adapter) OneWay() bool { return true }

// stdins are the inputs that flows of this process read. What was read ahead of
// the flows stays with the input, so that the next flow goes on there.
var stdins stream.Shared[io.Reader, *stdin]

type stdin struct {
	*stream.Feed
	format adapter.Format
}

// OpenSource reads env.Stdin. Several flows that read it compete for its lines.
func (a *Adapter) OpenSource(_ context.Context, env *adapter.Env) (adapter.Source, error) {
	if env.Stdin == nil {
		return nil, errors.New("open standard input: there is none")
	}
	in, err := stdins.Acquire(env.Stdin, func() (*stdin, error) {
		return &stdin{stream.NewFeed(env.Clock, int(a.MaxBody), a.read(env.Stdin)), a.Format}, nil
	})
	if err != nil {
		return nil, err
	}
	release := func() { stdins.Release(env.Stdin, func(in *stdin) bool { return in.Done() }) }
	if in.format != a.Format {
		release()
		return nil, fmt.Errorf("open standard input: another flow reads it with format = %q", in.format)
	}
	return stream.NewSource(in.Feed, env, a.ContentType, release), nil
}

func (a *Adapter) read(in io.Reader) func() ([]stream.Line, error) {
	if a.Format == adapter.Lines {
		return stream.ReadLines(stream.NewLineReader(in, int(a.MaxBody)))
	}
	return func() ([]stream.Line, error) {
		l, err := stream.ReadWhole(in, int(a.MaxBody), 0)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		if l.TooLong { // whoever writes it must not be left hanging
			_, err = io.Copy(io.Discard, in)
		}
		if err != nil || l.Size == 0 {
			return nil, orEOF(err)
		}
		return []stream.Line{l}, io.EOF
	}
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// surviveBrokenPipe makes a reader that goes away fail the messages, not the
// process.
var surviveBrokenPipe = sync.OnceFunc(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) })

// stdouts are the outputs that flows of this process write, one write at a time.
var stdouts stream.Shared[io.Writer, *sync.Mutex]

// OpenSink writes to env.Stdout.
func (a *Adapter) OpenSink(_ context.Context, env *adapter.Env) (adapter.Sink, error) {
	out := env.Stdout
	if out == nil {
		return nil, errors.New("open standard output: there is none")
	}
	if out == io.Writer(os.Stdout) {
		surviveBrokenPipe()
	}
	mu, err := stdouts.Acquire(out, func() (*sync.Mutex, error) { return new(sync.Mutex), nil })
	if err != nil {
		return nil, err
	}
	appendTo := stream.AppendLine
	if a.Format == adapter.Whole {
		appendTo = appendWhole
	}
	return stream.NewWriter(stream.Target{
		Name:     "standard output",
		AppendTo: appendTo,
		Write: func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			n, err := out.Write(p)
			if errors.Is(err, syscall.EPIPE) {
				err = eip.Permanent(err) // a reader that has gone away does not come back
			}
			return n, err
		},
		Close: func() error {
			stdouts.Release(out, func(*sync.Mutex) bool { return true })
			return nil
		},
	}), nil
}

func appendWhole(dst []byte, m *eip.Message) ([]byte, error) { return append(dst, m.Body()...), nil }
