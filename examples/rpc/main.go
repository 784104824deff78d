// Command rpc shows a service and its client in Go, over whichever broker the URL names:
// the service adds one, and the client asks it ten times.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	_ "github.com/eipd/eipd/eip/broker/amqp"
	_ "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/endpoint"
)

func main() {
	url := append(os.Args, "memory:")[1]
	ctx := context.Background()
	p, err := endpoint.Dial(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	add := endpoint.Handle(func(_ context.Context, i int) (int, error) { return i + 1, nil })
	if err := p.Listen(ctx, "add", add); err != nil {
		log.Fatal(err)
	}
	for i := range 10 {
		sum, err := endpoint.Call[int, int](ctx, p, "add", i)
		fmt.Println(err == nil && sum == i+1)
	}
}
