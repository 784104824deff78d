// Package flow is the flow-file language: it reads HCL files and checks them. Package
// host runs what they say; nothing here opens anything or begins a goroutine.
//
// [Load] goes through the files in steps, and reports all problems it can find,
// each at its place: package internal/syntax refuses hostile files and makes one
// tree of native and JSON syntax; the names of all blocks are gathered, so that
// order does not matter (compile.go); variables and locals get their values
// (variables.go, scope.go); and then each block is decoded (decode.go) into the struct
// of its component, whose options package schema reads by reflection. There is no
// second list of options anywhere. Settings are HCL values, evaluated once, by package
// internal/setting; expressions are strings, compiled by package expression and
// evaluated for each message. What is wrong with the files as a whole is in check.go.
//
// The [Config] that comes of it never changes. [Config.Build] makes of it the stages,
// adapters and [Endpoint]s of one run; channels and adapters are values of settings
// ([Ref]), and become Endpoints, which are bound to what is open.
//
// The blocks of the language itself are in blocks.go, with their reference.
package flow
