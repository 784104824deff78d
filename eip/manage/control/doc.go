// Package control is the Control Bus: commands that switch, start, stop and
// measure the flows of every process that listens, while messages pass.
//
// A [Command] is JSON, as a message to the topic eip.control or as a line on a
// process' Unix socket; each process answers it with a [Reply] of its own. A
// [Server] carries commands out on a [Process]; a [Client] gives them and collects
// the replies. The same Server serves both ways.
//
// Nothing that comes over the bus is code, a URL or a path: commands set what a
// stage says is settable, and name what the flow files declare.
package control
