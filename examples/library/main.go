// Command library shows a flow that a Go program puts together by itself: of the
// lines of standard input, those that are urgent go to standard output, in capitals.
package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"os"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/stdio"
	"github.com/eipd/eipd/eip/routing"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	lines, env := stdio.New(), &adapter.Env{Stdin: stdin, Stdout: stdout}
	in, err := lines.OpenSource(ctx, env)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := lines.OpenSink(ctx, env)
	if err != nil {
		return err
	}
	defer out.Close()

	urgent := routing.NewFilter()
	urgent.If.Set(func(_ context.Context, m *eip.Message) (bool, error) {
		return bytes.HasPrefix(m.Body(), []byte("urgent")), nil
	})
	shout := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody(bytes.ToUpper(m.Body())))
	})

	flow := &eip.Flow{Name: "shout", Source: in, Stages: []eip.Stage{urgent, shout}, To: out}
	return flow.Run(ctx)
}
