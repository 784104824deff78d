// Package expression compiles the expressions of flow files: programs in the
// language of expr (https://expr-lang.org) that are evaluated for each message.
//
// An expression sees body, headers and message, in a merge also reply. Names, the
// members of message, operators and functions are checked when it is compiled, as
// far as types are known; body and headers are known only when a message comes.
//
// The body stays bytes. What an expression asks for by constant keys, body.a.b, is
// read from them alone, once for all expressions that ask for it; only one that
// uses the whole body decodes it. Common shapes are compiled to Go closures, all
// others run on expr's machine; both give the same results and failures.
//
// An evaluation is bounded: in what it does, by counted steps and not by the
// clock, and in what it builds.
// Whatever goes wrong in one is an invalid message, never a panic and never a
// silent false.
package expression
