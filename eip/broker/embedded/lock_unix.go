//go:build unix && !aix && !solaris

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f for this process alone; false where another one has it. The
// lock ends with the process, however that ends.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
