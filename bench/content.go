package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/benthosdev/benthos/v4/public/service"

	"github.com/eipd/eipd/eip/host"
	_ "github.com/eipd/eipd/eip/transform"
)

//go:embed order.json
var orderSchema string

// A contentJob is work on bodies, between a source and one sink.
type contentJob struct {
	title   string
	flow    string // its file
	benthos string // its processors; one thread works on them, as one lane does on the flow
}

var contentJobs = []contentJob{
	{"A check by a JSON Schema:", "content_validate.hcl", "- json_schema: { schema: '" + strings.ReplaceAll(orderSchema, "\n", " ") + "' }"},
	{"Four paths less, in a map and in lists:", "content_filter.hcl",
		"- mapping: 'root = this.without(\"customer.email\", \"trace\", \"description\").assign({\"lines\": this.lines.map_each(l -> l.without(\"price\"))})'"},
}

const benthosContent = `
input:
  bench: {}
pipeline:
  threads: 1
  processors:
    %s
output:
  %s: {}
metrics:
  none: {}
logger:
  level: "OFF"
`

func (j contentJob) contestants() []contestant {
	return []contestant{
		{"eipd_flow_file", j.startFlow},
		{"benthos_batch_1", j.startBenthos(1)},
		{"benthos_batch_100", j.startBenthos(100)},
	}
}

func (j contentJob) startFlow(f *feed) (func() error, error) {
	f.uncounted = true // all go one way
	return startProcess(f, j.flow, "memory:", host.Options{})
}

func (j contentJob) startBenthos(batch int) func(f *feed) (func() error, error) {
	return func(f *feed) (func() error, error) {
		f.uncounted = true
		return runBenthos(f, batch, fmt.Sprintf(benthosContent, j.benthos, "drop"), service.NewEnvironment())
	}
}

func overContent(w io.Writer, o options) error {
	for _, j := range contentJobs {
		if err := compare(w, j.title, j.contestants(), []string{"benthos_batch_1", "benthos_batch_100"}, o); err != nil {
			return err
		}
	}
	return nil
}
