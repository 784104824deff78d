package main

import (
	"syscall"
	"testing"
)

func TestUntilSignal(t *testing.T) {
	ended := make(chan struct{}, 8)
	ctx, stop := untilSignal(t.Context(), func() { ended <- struct{}{} })
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} { // one request, told twice
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	<-ctx.Done()
	if len(ended) > 0 {
		t.Error("two signals at the same time ended the process at once")
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ended
}
