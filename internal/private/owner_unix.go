//go:build unix

package private

import (
	"io/fs"
	"os"
	"syscall"
)

// Me is this process' user.
func Me() int { return os.Geteuid() }

// Owner is whose a file is.
func Owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func known(info fs.FileInfo) bool { _, ok := info.Sys().(*syscall.Stat_t); return ok }

// privateGroup reports whether a folder's group is its owner's own, as systems make
// it whose users' umask is 002: by the number.
func privateGroup(info fs.FileInfo) bool {
	s := info.Sys().(*syscall.Stat_t)
	return s.Uid == s.Gid && s.Uid != 0
}
