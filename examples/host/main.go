// Command host shows a Go program that runs flow files, until ctrl-C or SIGTERM.
package main

import (
	"context"
	"log"
	"os"

	_ "github.com/eipd/eipd/eip/adapter/stdio"
	_ "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	_ "github.com/eipd/eipd/eip/routing"
)

func main() {
	o := host.Options{Stdin: os.Stdin, Stdout: os.Stdout, Load: flow.Options{Broker: "memory:"}}
	if err := host.Run(context.Background(), o, os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
}
