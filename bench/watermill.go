package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// Watermill has no router on content: a handler decodes the two fields and
// publishes to the tap's topic and to one of three.
func startWatermill(f *feed) (func() error, error) {
	const inFlight = 1000
	channels := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: inFlight}, watermill.NopLogger{})
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("make watermill's router: %w", err)
	}
	window := make(chan struct{}, inFlight)
	router.AddConsumerHandler("router", "orders", channels, func(m *message.Message) error {
		if err := channels.Publish("audit", m); err != nil {
			return err
		}
		var fields struct {
			Total  float64 `json:"total"`
			Region string  `json:"region"`
		}
		if err := json.Unmarshal(m.Payload, &fields); err != nil {
			return err
		}
		to := rest
		switch {
		case fields.Total > 1000 && fields.Region == "eu":
			to = bigEU
		case fields.Total > 1000 && fields.Region == "us":
			to = bigUS
		}
		return channels.Publish(routeNames[to], m)
	})
	router.AddConsumerHandler("audit", "audit", channels, func(*message.Message) error {
		f.tapped.Add(1)
		return nil
	})
	for to, name := range routeNames {
		router.AddConsumerHandler(name, name, channels, func(*message.Message) error {
			f.routed[to].Add(1)
			<-window
			f.settle(1)
			return nil
		})
	}
	run := background(func() error { return router.Run(context.Background()) })
	<-router.Running()
	feeding := background(func() error {
		id := 0
		for body := f.take(); body != nil; body = f.take() {
			window <- struct{}{}
			id++
			if err := channels.Publish("orders", message.NewMessage(strconv.Itoa(id), body)); err != nil {
				return err
			}
		}
		return nil
	})
	return func() error {
		if err := feeding(); err != nil {
			return err
		}
		if err := router.Close(); err != nil {
			return err
		}
		if err := run(); err != nil {
			return err
		}
		return channels.Close()
	}, nil
}
