package adapter_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
)

// show runs a flow that prints what a source gives.
func show(a eip.SourceAdapter) {
	ctx := context.Background()
	source, err := a.OpenSource(ctx, eiptest.AdapterEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	print := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})
	if err := (&eip.Flow{Name: "show", Source: source, To: print}).Run(ctx); err != nil {
		fmt.Println(err)
	}
}

func ExampleFile() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	orders := filepath.Join(folder, "orders.jsonl")
	os.WriteFile(orders, []byte("{\"id\":1}\n{\"id\":2}\n"), 0o600)

	in := adapter.NewFile()
	in.Path.Source = orders
	show(in)
	// Output:
	// {"id":1}
	// {"id":2}
}

func ExampleStdio() {
	ctx := context.Background()
	env := eiptest.AdapterEnv()
	env.Stdin, env.Stdout = strings.NewReader("one\ntwo\n"), os.Stdout

	stdio := adapter.NewStdio()
	source, err := stdio.OpenSource(ctx, env)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	sink, err := stdio.OpenSink(ctx, env)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	if err := (&eip.Flow{Name: "copy", Source: source, To: sink}).Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one
	// two
}
