package embedded

import (
	"os"
	"syscall"
	"unsafe"

	"go.etcd.io/bbolt"
)

// unmapCache tells the system that the file's pages are not needed in this process'
// memory. They stay in the system's cache, and come back when they are read. Without this,
// a deep queue that is read once would be counted as the process' memory in full. The
// caller makes sure that the file stays mapped where it is.
func unmapCache(db *bbolt.DB) {
	_ = db.View(func(tx *bbolt.Tx) error { // bbolt maps as much at least
		// It is only advice, so an error changes nothing.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, db.Info().Data, uintptr(tx.Size()), syscall.MADV_DONTNEED)
		return nil
	})
}

// unmap does so for the part of the file that data is.
func unmap(data []byte) {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	first := address &^ uintptr(os.Getpagesize()-1)
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, first, address+uintptr(len(data))-first, syscall.MADV_DONTNEED)
}
