package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf is the user who listens at the other end of a connection; unknown where the
// system does not say.
func peerOf(c *net.UnixConn, unknown int) int {
	uid := unknown
	raw, err := c.SyscallConn()
	if err != nil {
		return unknown
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid
}
