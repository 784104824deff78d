package transform_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func ExampleJSON() {
	type order struct {
		ID    int      `json:"id"`
		Items []string `json:"items"`
	}
	type parcel struct {
		Order int `json:"order"`
		Count int `json:"count"`
	}
	pack := transform.JSON(func(_ context.Context, o order) (parcel, error) {
		if len(o.Items) == 0 {
			return parcel{}, eip.Invalid(errors.New("an order has items"))
		}
		return parcel{o.ID, len(o.Items)}, nil
	})

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s %s\n", m.Body(), m.ContentType)
		return nil
	})
	flow := eip.Chain([]eip.Stage{pack}, show)
	eip.Deliver(context.Background(), flow, eip.New([]byte(`{"id": 7, "items": ["pen", "ink"], "note": "thanks"}`), nil))
	// Output: {"order":7,"count":2} application/json
}

func TestJSON_Contract(t *testing.T) {
	boom := errors.New("boom")
	stage := func(f func(n int) (any, error)) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			return transform.JSON(func(_ context.Context, n int) (any, error) { return f(n) })
		}
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("7"))
	_ = w.Close()
	encoded := func(body []byte, as string) *eip.Message {
		return eiptest.Message(string(body)).With(func(m *eip.Message) { m.Encoding = as })
	}
	double := stage(func(n int) (any, error) { return 2 * n, nil })
	for name, c := range map[string]eiptest.StageCase{
		"mapped":        {New: double, Inputs: []*eip.Message{eiptest.Message("7"), encoded(zipped.Bytes(), "gzip")}},
		"another type":  {New: double, Inputs: []*eip.Message{eiptest.Message(`"7"`), eiptest.Message("7.5"), eiptest.Message("7 8"), eiptest.Message("")}, Outcome: eiptest.Rejects},
		"encoded wrong": {New: double, Inputs: []*eip.Message{encoded([]byte("7"), "gzip")}, Outcome: eiptest.Rejects},
		"no JSON":       {New: stage(func(int) (any, error) { return math.NaN(), nil }), Inputs: []*eip.Message{eiptest.Message("7")}, Outcome: eiptest.Rejects},
		"fails":         {New: stage(func(int) (any, error) { return nil, boom }), Inputs: []*eip.Message{eiptest.Message("7")}, Outcome: eiptest.Fails},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
	for _, m := range []*eip.Message{eiptest.Message("7"), encoded(zipped.Bytes(), "gzip")} {
		if got := one(t, double(nil), m); string(got.Body()) != "14" || got.Encoding != "" || got.ID != m.ID {
			t.Errorf("mapped to %q, %q", got.Body(), got.Encoding)
		}
	}
}
