package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unmapProgram lets go of the program's pages in memory, most of which only the
// start needed: reading flow files and arguments. What runs on comes back at once,
// from the system's file cache.
func unmapProgram() {
	for _, code := range programCode() {
		_ = unix.Madvise(code, unix.MADV_DONTNEED) // what cannot be let go of stays
	}
}

// programCode finds the pages that hold the program's instructions. Nothing writes
// to these, so each is as the file has it.
func programCode() (code [][]byte) {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to uintptr
		var mode, offset, device, path string
		var inode uint64
		n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %d %s", &from, &to, &mode, &offset, &device, &inode, &path)
		if n == 7 && mode == "r-xp" && path == program {
			code = append(code, unsafe.Slice((*byte)(unsafe.Add(nil, from)), to-from))
		}
	}
	return code
}
