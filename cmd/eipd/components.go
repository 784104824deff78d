package main

// What is in the binary. A program of your own can import others, or fewer.
import (
	_ "github.com/eipd/eipd/eip/adapter/all"
	_ "github.com/eipd/eipd/eip/broker/amqp"
	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/broker/stomp"
	_ "github.com/eipd/eipd/eip/endpoint"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
	_ "github.com/eipd/eipd/eip/store/memory"
	_ "github.com/eipd/eipd/eip/transform"
)
