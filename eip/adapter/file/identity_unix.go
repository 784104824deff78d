//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// identityOf tells a file but for when it was born.
func identityOf(path string, info fs.FileInfo) identity {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nameIdentity(path)
	}
	return identity{device: uint64(s.Dev), inode: uint64(s.Ino)}
}

// deleted reports whether an open file has no name any more.
func deleted(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink == 0
}
