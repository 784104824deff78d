package transform_test

import (
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/jsonschema"
	"github.com/eipd/eipd/eip/transform"
)

func TestValidate_KeepsTheContract(t *testing.T) {
	order, err := jsonschema.Load("order", "testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	checked := func(eip.Handler) eip.Stage {
		v := transform.NewValidate()
		v.Schema.Schema = order
		return v
	}
	eiptest.Stage(t, eiptest.StageCase{New: checked})
	eiptest.Stage(t, eiptest.StageCase{New: checked, Outcome: eiptest.Rejects, Inputs: []*eip.Message{
		eiptest.Message(`{"total": "1200"}`), eiptest.Message(`{"id": 7}`), eiptest.Message(`{`)}})
}

func TestValidate_NeedsASchema(t *testing.T) {
	if err := transform.NewValidate().Validate(); err == nil {
		t.Error("there is none, and nothing is said")
	}
}
