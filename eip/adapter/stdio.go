package adapter

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
)

func init() { eip.Adapters.Add("stdio", func() eip.Adapter { return NewStdio() }) }

// Stdio reads standard input and writes standard output.
type Stdio struct {
	// What one message is. As a source, `lines` makes a message of each line, and
	// `whole` makes one of the whole input. As a sink, `lines` writes each body as a
	// line, and `whole` writes bodies as they are, with nothing between them.
	Format Format `flow:"format"`
	// The content type of what is read. Without one, bodies are JSON where they are
	// valid JSON, else text.
	ContentType string `flow:"content_type"`
	// The longest body that is read. What is longer is an invalid message, and is
	// cut off there.
	MaxBody eip.Bytes `flow:"max_body"`
	eip.OnTest
}

// NewStdio makes a Stdio of lines.
func NewStdio() *Stdio {
	return &Stdio{OnTest: eip.DefaultOnTest, Format: Lines, MaxBody: defaultMaxBody}
}

// Validate checks the options.
func (a *Stdio) Validate() error {
	return errors.Join(a.Format.validate(), validateMaxBody(a.MaxBody))
}

// OneWay says that nothing answers what is printed.
func (a *Stdio) OneWay() bool { return true }

// stdins are the inputs that flows of this process read. What was read ahead of
// the flows stays with the input, so that the next flow goes on there.
var stdins shared[io.Reader, *stdin]

type stdin struct {
	*feed
	format Format
}

// OpenSource reads env.Stdin. Several flows that read it compete for its lines.
func (a *Stdio) OpenSource(_ context.Context, env *eip.AdapterEnv) (eip.AdapterSource, error) {
	if env.Stdin == nil {
		return nil, errors.New("open standard input: there is none")
	}
	in, err := stdins.acquire(env.Stdin, func() (*stdin, error) {
		return &stdin{newFeed(int(a.MaxBody), a.read(env.Stdin)), a.Format}, nil
	})
	if err != nil {
		return nil, err
	}
	release := func() { stdins.release(env.Stdin, func(in *stdin) bool { return in.done() }) }
	if in.format != a.Format {
		release()
		return nil, fmt.Errorf("open standard input: another flow reads it with format = %q", in.format)
	}
	return newFeedSource(in.feed, env, a.ContentType, release), nil
}

func (a *Stdio) read(in io.Reader) func() ([]line, error) {
	if a.Format == Lines {
		return readLines(newLineReader(in, int(a.MaxBody)))
	}
	return func() ([]line, error) {
		l, err := readWhole(in, int(a.MaxBody), 0)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		if l.tooLong { // whoever writes it must not be left hanging
			_, err = io.Copy(io.Discard, in)
		}
		if err != nil || l.size == 0 {
			return nil, orEOF(err)
		}
		return []line{l}, io.EOF
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
var stdouts shared[io.Writer, *sync.Mutex]

// OpenSink writes to env.Stdout.
func (a *Stdio) OpenSink(_ context.Context, env *eip.AdapterEnv) (eip.AdapterSink, error) {
	out := env.Stdout
	if out == nil {
		return nil, errors.New("open standard output: there is none")
	}
	if out == io.Writer(os.Stdout) {
		surviveBrokenPipe()
	}
	mu, err := stdouts.acquire(out, func() (*sync.Mutex, error) { return new(sync.Mutex), nil })
	if err != nil {
		return nil, err
	}
	appendTo := appendLine
	if a.Format == Whole {
		appendTo = appendWhole
	}
	return newBatchWriter(batchTarget{
		name:     "standard output",
		appendTo: appendTo,
		write: func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			n, err := out.Write(p)
			if errors.Is(err, syscall.EPIPE) {
				err = eip.Permanent(err) // a reader that has gone away does not come back
			}
			return n, err
		},
		close: func() error {
			stdouts.release(out, func(*sync.Mutex) bool { return true })
			return nil
		},
	}), nil
}

func appendWhole(dst []byte, m *eip.Message) ([]byte, error) { return append(dst, m.Body()...), nil }
