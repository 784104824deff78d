//go:build !unix

package main

import "os"

// There is no such signal.
func notifyReopen(chan<- os.Signal) {}
