//go:build unix

package program

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes cmd the leader of a process group, so that what it starts can be
// ended with it, and so that a ctrl-C meant for this process does not reach it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGTERM) }

func killGroup(cmd *exec.Cmd) error { return signal(cmd, syscall.SIGKILL) }

func signal(cmd *exec.Cmd, s syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, s)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}
