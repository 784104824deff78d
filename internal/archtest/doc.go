// Package archtest holds tests of the shape of the project: which package may import
// which, and how much package eip exports.
package archtest
