// Package crash tests eipd from outside, as a process: what it owes when it is
// killed, stopped, frozen, or has a receiver that takes nothing. Its tests demand
// nothing of time but that each ends before the test's deadline.
package crash
