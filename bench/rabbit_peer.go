package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// usage is what a contestant's process took, from its start to its end.
type usage struct {
	cpu    time.Duration
	memory int64 // the most it had, in bytes
}

// process runs a contestant as a process of its own.
func process(name string, args ...string) *contestantProcess {
	return &contestantProcess{Cmd: exec.Command(name, args...)}
}

type contestantProcess struct {
	*exec.Cmd
	log  strings.Builder
	done chan struct{}
	lost error // how it ended
}

// launch starts it. The context is done when it ends.
func (p *contestantProcess) launch(ctx context.Context) (context.Context, error) {
	p.Stdout, p.Stderr = &p.log, &p.log
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	ctx, ended := context.WithCancelCause(ctx)
	p.done = make(chan struct{})
	go func() {
		p.lost = p.Wait()
		ended(fmt.Errorf("%s ended", filepath.Base(p.Path)))
		close(p.done)
	}()
	return ctx, nil
}

// end lets the process finish and end.
func (p *contestantProcess) end() (u usage, err error) {
	u.memory = memory(p.Process.Pid, "VmHWM") // what the kernel says at its end may be this process's
	err = p.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(time.Minute, func() { _ = p.Process.Kill() }) // it may have ended
	<-p.done
	kill.Stop()
	if err = errors.Join(err, p.lost); err != nil {
		return u, fmt.Errorf("%s: %w\n%s", filepath.Base(p.Path), err, p.log.String())
	}
	u.cpu = p.ProcessState.UserTime() + p.ProcessState.SystemTime()
	return u, nil
}

// buildPeers builds eipd and the other contestants.
func buildPeers(dir string) error {
	if err := buildEipd(filepath.Join(dir, "eipd"), ""); err != nil {
		return err
	}
	if out, err := exec.Command("go", "build", "-o", dir+string(os.PathSeparator), "./peers/...").CombinedOutput(); err != nil {
		return fmt.Errorf("build contestants: %w\n%s", err, out)
	}
	return nil
}
