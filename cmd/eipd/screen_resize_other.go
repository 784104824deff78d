//go:build !unix

package main

import "os"

// resizes tells of nothing here: the next look has the new size.
func resizes() (resized <-chan os.Signal, still func()) { return nil, func() {} }
