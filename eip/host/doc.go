// Package host runs flows: what package flow makes of flow files.
//
// A [Host] is what a process has once: its brokers, the positions of its adapters, the
// counts of its channels, the control bus. A [Unit] is one flow.Config that it runs;
// Units come and go, and share what the Host has. The first one is the main one: its
// default broker is where the Host keeps positions and listens for commands, and its
// control_bus block says how. [Run] does all of it for a program of a few lines.
//
// [Host.Start] opens every source of a Unit (which declares the topics' subscriptions,
// so that nothing sent later is missed), then the sending sides, and then runs the
// flows, each supervised: one that fails is started again, without troubling the
// others.
//
//   - host.go, unit.go: what starts and stops, and in which order
//   - flow_run.go: one flow, and what is open for it; source.go and sender.go are what
//     it reads and sends to
//   - begin.go, lifecycle.go: from when it is started until it is stopped
//   - brokers.go, positions.go, dead_letters.go, last_resort.go: what they are kept in
//   - control.go, control_flow.go, serve.go: the control bus' view of it
//   - swap.go, reload.go: other flows in the place of those that run, while they run
//   - apply.go: files that the control bus applies and removes
//   - plan.go: what a start would declare on brokers
package host
