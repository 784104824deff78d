package regular

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// systems have files that are regular by name only: reading one may wait, or tell
// what is the process' own.
var systems = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.TRACEFS_MAGIC, unix.DEBUGFS_MAGIC,
	unix.SECURITYFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.SELINUX_MAGIC, unix.BPF_FS_MAGIC,
}

func made(f *os.File) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &s) == nil && slices.Contains(systems, int64(s.Type))
}
