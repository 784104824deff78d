//go:build !linux

package file

import (
	"io/fs"
	"os"
)

// bornAt is not asked for elsewhere; the line before the position tells a file
// whose inode is used again.
func bornAt(*os.File) int64 { return 0 }

func changedAt(fs.FileInfo) int64 { return 0 }
