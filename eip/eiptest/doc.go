// Package eiptest holds the contracts of eip as suites that a component's tests
// call, and the small sources and recorders that such tests are made of. Only
// tests import it.
package eiptest
