package main

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage"
	"github.com/eipd/eipd/eip/routing"
)

// fields is what the branches want to know of a body. It is read once for all of
// them.
type fields struct {
	total  float64
	region string
}

// readFields reads a body with gjson, which does not notice malformed JSON.
func readFields(m *eip.Message) *fields {
	return &fields{gjson.GetBytes(m.Body(), "total").Num, gjson.GetBytes(m.Body(), "region").Str}
}

// startGo is the same flow as a Go program writes it, with functions in place of
// expressions.
func startGo(f *feed) (func() error, error) {
	tap := manage.NewWireTap()
	tap.Body.To = &sink{f, f.counter("audit")}
	router := routing.NewContentRouter()
	for _, region := range []string{"eu", "us"} {
		router.When = append(router.When, &routing.When{
			Label: "big_" + region,
			If: eip.LiveOf[eip.Predicate](func(_ context.Context, m *eip.Message) (bool, error) {
				f := eip.Derive(m, readFields)
				return f.total > 1000 && f.region == region, nil
			}),
			Body: eip.Pipe{To: &sink{f, f.counter("big_" + region)}},
		})
	}
	router.Otherwise.To = &sink{f, f.counter("rest")}
	orders := &eip.Flow{Name: "orders", Source: &source{f}, Stages: []eip.Stage{tap, router}, DeadLetter: &sink{f, f.counter("invalid")}}
	return background(func() error { return orders.Run(context.Background()) }), nil
}
