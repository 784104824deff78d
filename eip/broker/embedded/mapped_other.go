//go:build !linux

package embedded

// unmapCache does nothing where it is not known how.
func unmapCache(uintptr) {}

func unmap([]byte) {}
