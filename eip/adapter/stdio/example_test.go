package stdio_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/stdio"
	"github.com/eipd/eipd/eip/eiptest"
)

func ExampleAdapter() {
	ctx := context.Background()
	env := eiptest.AdapterEnv()
	env.Stdin, env.Stdout = strings.NewReader("one\ntwo\n"), os.Stdout

	a := stdio.New()
	source, err := a.OpenSource(ctx, env)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	sink, err := a.OpenSink(ctx, env)
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
