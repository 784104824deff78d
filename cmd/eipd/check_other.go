//go:build !unix

package main

import "time"

var began = time.Now()

func usedTime() time.Duration { return time.Since(began) }
