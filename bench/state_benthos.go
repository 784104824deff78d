package main

import (
	"fmt"

	"github.com/benthosdev/benthos/v4/public/service"
)

// What Benthos does, it does in memory, and from memory to memory: it has no queue on disk.
// group_by_value gathers what is in one batch, and no more: a batch of 1000 is given, in
// which groups happen to be whole. dedupe remembers a message when it sees it, and not when
// it was sent.
const (
	benthosGather = `
    - group_by_value: { value: '${! json("id") }' }
    - archive: { format: json_array }
`
	benthosOnce = `
    - dedupe: { cache: seen, key: '${! json("id") }' }
`
	benthosState = `
input:
  bench: {}
pipeline:
  processors: %s
output:
  drop: {}
cache_resources:
  - label: seen
    memory: { default_ttl: 24h }
metrics:
  none: {}
logger:
  level: "OFF"
`
)

func moveBenthos(j stateJob, _ string, n int) error {
	f := newFeed(n)
	f.bodies = make([][]byte, n)
	for i := range f.bodies {
		f.bodies[i] = j.message(i)
	}
	stop, err := runBenthos(f, 1000, fmt.Sprintf(benthosState, j.benthos), service.NewEnvironment())
	if err != nil {
		return err
	}
	close(f.gate)
	<-f.finished
	return stop()
}
