package host

import (
	"os/signal"
	"syscall"
	"testing"
)

func TestUntilSignal(t *testing.T) {
	ended := make(chan struct{}, 8)
	ctx, _, stop := UntilSignal(t.Context(), func() { ended <- struct{}{} })
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

// What a service manager or ctrl-C sends ends a process in good order. SIGHUP does not,
// and is ignored under nohup.
func TestUntilSignal_EachAsksToStop(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			ctx, _, stop := UntilSignal(t.Context(), func() { t.Error("it ended at once") })
			defer stop()
			if err := syscall.Kill(syscall.Getpid(), s); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
		})
	}
	t.Run("hangup", func(t *testing.T) {
		ctx, hangup, stop := UntilSignal(t.Context(), func() { t.Error("it ended at once") })
		defer stop()
		for range 3 {
			if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			<-hangup
		}
		if ctx.Err() != nil {
			t.Error("it ends")
		}
	})
	t.Run("nohup", func(t *testing.T) {
		signal.Ignore(syscall.SIGHUP)
		defer signal.Reset(syscall.SIGHUP)
		_, _, stop := UntilSignal(t.Context(), nil)
		defer stop()
		if !signal.Ignored(syscall.SIGHUP) {
			t.Error("it heeds what nohup has it ignore")
		}
	})
}
