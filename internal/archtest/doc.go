// Package archtest holds tests of the shape of the project: which package may import
// which, how much package eip exports, and where docs/architecture.md points.
package archtest
