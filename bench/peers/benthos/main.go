// Command benthos does the benchmark's work on RabbitMQ with Benthos:
// benthos JOB URL.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/benthosdev/benthos/v4/public/components/amqp09"
	_ "github.com/benthosdev/benthos/v4/public/components/pure"
	"github.com/benthosdev/benthos/v4/public/service"
)

const input = `
amqp_0_9:
  urls: [URL]
  queue: in
  prefetch_count: 1000
`

// to is an output to a queue. What Benthos makes of a message's properties is not
// sent as headers.
func to(queue string) string {
	return fmt.Sprintf(`{amqp_0_9: {urls: [URL], exchange: "", key: %s, persistent: true, mandatory: true, content_type: application/json, `+
		`max_in_flight: 64, metadata: {exclude_prefixes: [amqp_]}}}`, queue)
}

func route() string {
	return `{switch: {cases: [
  {check: 'this.total > 1000 && this.region == "eu"', output: ` + to("big_eu") + `},
  {check: 'this.total > 1000 && this.region == "us"', output: ` + to("big_us") + `},
  {output: ` + to("rest") + `}]}}`
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "benthos:", err)
		os.Exit(1)
	}
}

func run(job, url string) error {
	output := map[string]string{
		"bridge": to("out"),
		"router": route(),
		"tap":    `{broker: {pattern: fan_out, outputs: [` + to("audit") + `, ` + route() + `]}}`,
	}[job]
	if output == "" {
		return fmt.Errorf("no job %s", job)
	}
	b := service.NewStreamBuilder()
	for _, err := range []error{
		b.AddInputYAML(strings.ReplaceAll(input, "URL", url)), b.AddOutputYAML(strings.ReplaceAll(output, "URL", url)),
		b.SetLoggerYAML("level: ERROR"), b.SetMetricsYAML("none: {}"),
	} {
		if err != nil {
			return fmt.Errorf("configure: %w", err)
		}
	}
	stream, err := b.Build()
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = stream.StopWithin(10 * time.Second) })
	return stream.Run(context.Background())
}
