//go:build !linux

package embedded

import "go.etcd.io/bbolt"

// unmapCache does nothing where it is not known how.
func unmapCache(*bbolt.DB) {}

func unmap([]byte) {}
