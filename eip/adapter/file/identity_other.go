//go:build !unix

package file

import (
	"io/fs"
)

// identityOf knows a file by its name, where there are no inodes.
func identityOf(path string, _ fs.FileInfo) identity { return nameIdentity(path) }

func deleted(fs.FileInfo) bool { return false }
