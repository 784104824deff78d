// Package flow is the flow-file language: it reads HCL files, checks them, and
// runs what they say.
//
// [Load] goes through the files in steps, and reports all problems it can find,
// each at its place: package internal/syntax refuses hostile files and makes one
// tree of native and JSON syntax; the names of all blocks are gathered, so that
// order does not matter; variables and locals get their values; and then each
// block is decoded into the struct of its component, whose options package schema
// reads by reflection. There is no second list of options anywhere. Settings are
// HCL values, evaluated once; expressions are strings, compiled by package
// expression and evaluated for each message. Channels and adapters are values of
// settings, and become endpoints, which are bound when a flow starts.
//
// [Config.Start] opens brokers, then every source (which declares the topics'
// subscriptions, so that nothing sent later is missed), then the sending sides,
// and then runs the flows, each supervised: one that fails is started again,
// without troubling the others.
package flow
