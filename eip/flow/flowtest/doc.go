// Package flowtest runs tests of flows: files that say which messages are sent, and what
// must come of them. Nothing leaves the process: brokers are in memory, adapters and
// programs are stood in for, and time passes when a test says so, or when nothing else is
// left to happen.
//
// Each test runs in a bubble of testing/synctest, by which it is known exactly when
// nothing moves any more: every goroutine of the test waits. So there is no sleeping and
// no polling, and a busy machine changes nothing but how long it takes.
//
// # What is where
//
// Files become Tests: blocks.go has what they may say, read.go and steps.go read it, and
// place.go knows what it may name. A test that runs is a rig: its clock, its brokers and
// stand-ins, and the ways that messages took. expect.go and match.go judge, and report.go
// and its neighbours say what they found.
package flowtest
