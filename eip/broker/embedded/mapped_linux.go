package embedded

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// unmapCache tells the system that the pages of the file at address are not needed
// in this process' memory. They stay in the system's cache, and come back when they
// are read. Without this, a deep queue that is read once would be counted as the
// process' memory in full. The caller makes sure that the file stays mapped there.
func unmapCache(address uintptr) {
	length, ok := mappedLength(address)
	if !ok {
		return
	}
	// It is only advice, so an error changes nothing.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, address, length, syscall.MADV_DONTNEED)
}

// unmap does so for the part of the file that data is.
func unmap(data []byte) {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	first := address &^ uintptr(os.Getpagesize()-1)
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, first, address+uintptr(len(data))-first, syscall.MADV_DONTNEED)
}

// mappedLength is how much of a file is mapped from address on, as the system says.
func mappedLength(address uintptr) (uintptr, bool) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, false
	}
	start := strconv.FormatUint(uint64(address), 16) + "-"
	for line := range strings.Lines(string(maps)) {
		rest, found := strings.CutPrefix(strings.TrimLeft(line, "0"), start)
		if !found {
			continue
		}
		fields := strings.Fields(rest)
		end, err := strconv.ParseUint(fields[0], 16, 64)
		// Only a file's memory may be dropped.
		if err != nil || len(fields) < 5 || fields[3] == "0" || uintptr(end) <= address {
			return 0, false
		}
		return uintptr(end) - address, true
	}
	return 0, false
}
