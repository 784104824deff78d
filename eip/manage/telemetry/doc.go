// Package telemetry tells OpenTelemetry what flows do: a span for each message in
// each flow and stage, and the counts and latencies of flows and stages as metrics.
// It serves metrics to Prometheus, and says whether a process is ready.
//
// A Go program gives its own providers to [NewTracing] and [NewProducer]. Setup is
// for programs that are configured by the environment, as the OpenTelemetry
// specification has it.
package telemetry

// scope is the name of the instrumentation.
const scope = "github.com/eipd/eipd/eip/manage/telemetry"
