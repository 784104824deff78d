//go:build !unix || aix || solaris

package embedded

import "os"

// tryLock leaves the locking to bbolt.
func tryLock(*os.File) (bool, error) { return true, nil }
