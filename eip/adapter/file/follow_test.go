package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// following is a file that is followed.
type following struct {
	*testing.T
	path string
	env  *adapter.Env
	s    adapter.Source
}

// follows runs test with a followed file of the given content, in a bubble in which
// waiting takes no time.
func follows(t *testing.T, content string, test func(f *following)) {
	synctest.Test(t, func(t *testing.T) {
		f := &following{T: t, path: adaptertest.Put(t, "app.log", content), env: eiptest.AdapterEnv()}
		f.open()
		test(f)
		adaptertest.Close(t, f.s)
	})
}

func (f *following) open() { f.s = adaptertest.OpenSource(f.T, at(f.path, follow), f.env) }

func (f *following) reopen() {
	adaptertest.Close(f.T, f.s)
	f.open()
}

func (f *following) expect(want ...string) {
	f.Helper()
	adaptertest.Expect(f.T, f.s, want...)
}

// nothing checks that no message comes for a while.
func (f *following) nothing() {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 12*time.Second)
	defer cancel()
	if m, err := f.s.Receive(ctx); m != nil || !errors.Is(err, context.DeadlineExceeded) {
		f.Errorf("received %v, %v; want nothing", m, err)
	}
}

func TestFile_FollowGrowing(t *testing.T) {
	follows(t, "1\n2", func(f *following) {
		f.expect("1")
		f.nothing()
		appendTo(f.T, f.path, "2\n3")
		f.expect("22")
		f.reopen()
		f.nothing()
		appendTo(f.T, f.path, "\n")
		f.expect("3")
	})
}

// A line may come while Receive waits.
func TestFile_FollowWhileWaiting(t *testing.T) {
	follows(t, "", func(f *following) {
		for i := range 20 {
			begin := time.Now()
			time.AfterFunc(10*time.Second, func() { appendTo(f.T, f.path, fmt.Sprintln(i)) })
			f.expect(fmt.Sprint(i))
			if late := time.Since(begin) - 10*time.Second; late > time.Second {
				f.Errorf("line %d came after %v", i, late)
			}
		}
	})
}

func TestFile_FollowTruncated(t *testing.T) {
	follows(t, "1\n2\n3\n", func(f *following) {
		f.expect("1", "2", "3")
		adaptertest.Write(f.T, f.path, "a\n") // in place, and shorter
		f.expect("a")
		adaptertest.Write(f.T, f.path, "b\nc\nd\ne\n") // in place, and longer
		f.expect("b", "c", "d", "e")
		adaptertest.Write(f.T, f.path, "")
		f.nothing()
		appendTo(f.T, f.path, "f\n")
		f.expect("f")
		f.reopen()
		f.nothing()
	})
}

// What is unsettled of a file that was truncated must not move the position of
// what is in it now.
func TestFile_FollowTruncatedWhileUnsettled(t *testing.T) {
	follows(t, "1\n2\n3\n", func(f *following) {
		f.expect("1")
		late, err := f.s.Receive(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		f.expect("3")
		adaptertest.Write(f.T, f.path, "a\nb\n")
		first, err := f.s.Receive(f.Context())
		if err != nil || string(first.Body()) != "a" {
			f.Fatalf("received %v, %v", first, err)
		}
		eip.Deliver(f.Context(), eip.Discard, late)
		f.reopen()
		f.expect("a", "b")
	})
}

// logrotate: the file is renamed, its writer writes on for a moment, and then to a
// new one.
func TestFile_FollowRotated(t *testing.T) {
	follows(t, "1\n", func(f *following) {
		f.expect("1")
		writer, err := os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			f.Fatal(err)
		}
		defer writer.Close()
		for round := range 3 {
			say := func(s string) string { return fmt.Sprintf("%d %s", round, s) }
			fmt.Fprintln(writer, say("before"))
			rename(f.T, f.path, f.path+".1")
			f.expect(say("before"))
			fmt.Fprintln(writer, say("after"))
			f.expect(say("after"))
			adaptertest.Write(f.T, f.path, say("new\n"))
			fmt.Fprint(writer, say("late"))
			got := adaptertest.Bodies(adaptertest.Receive(f.T, f.s, 2))
			if slices.Sort(got); !slices.Equal(got, []string{say("late"), say("new")}) {
				f.Errorf("got %q", got)
			}
			f.nothing()
			writer.Close()
			if writer, err = os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0); err != nil {
				f.Fatal(err)
			}
		}
		f.reopen()
		f.nothing()
	})
}

// What was written before a rotation is read also when nobody was there to see it.
func TestFile_FollowRotatedWhileAway(t *testing.T) {
	follows(t, "1\n2\n", func(f *following) {
		f.expect("1", "2")
		adaptertest.Close(f.T, f.s)
		appendTo(f.T, f.path, "3\n")
		rename(f.T, f.path, f.path+".1")
		adaptertest.Write(f.T, f.path, "4\n")
		f.open()
		m, err := f.s.Receive(f.Context())
		if err != nil || string(m.Body()) != "3" {
			f.Fatalf("received %v, %v", m, err)
		}
		f.reopen() // 3 is not settled yet
		f.expect("3", "4")
		f.nothing()
		f.reopen()
		f.nothing()
	})
}

func TestFile_FollowRotatedBeforeItWasRead(t *testing.T) {
	follows(t, "1\n", func(f *following) {
		adaptertest.Close(f.T, f.s)
		rename(f.T, f.path, f.path+".1")
		f.open()
		f.expect("1")
	})
}

// A file that is deleted is read to its end first, and its position is given up.
func TestFile_FollowDeleted(t *testing.T) {
	follows(t, "1\n", func(f *following) {
		f.expect("1")
		appendTo(f.T, f.path, "2\n3")
		remove(f.T, f.path)
		f.expect("2", "3")
		f.nothing()
		for key, value := range f.env.Positions.(*eiptest.Positions).All() {
			if strings.Contains(string(value), "path") {
				f.Errorf("%s is still %s", key, value)
			}
		}
		adaptertest.Write(f.T, f.path, "1\n")
		f.expect("1")
	})
}

func TestFile_FollowGlob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		in := func(name string) string { return filepath.Join(folder, name) }
		f := &following{T: t, path: in("*.log*"), env: eiptest.AdapterEnv()}
		f.open()
		f.nothing()
		adaptertest.Write(t, in("b.log"), "b1\n")
		f.expect("b1")
		adaptertest.Write(t, in("c.log"), "c1\n")
		adaptertest.Write(t, in("a.log"), "a1\n")
		appendTo(t, in("b.log"), "b2\n")
		got := adaptertest.Bodies(adaptertest.Receive(t, f.s, 3))
		if slices.Sort(got); !slices.Equal(got, []string{"a1", "b2", "c1"}) {
			t.Errorf("got %q", got)
		}
		rename(t, in("b.log"), in("b.log.1")) // it is the same file still
		adaptertest.Write(t, in("b.log"), "b3\n")
		f.expect("b3")
		appendTo(t, in("b.log.1"), "b4\n")
		m := adaptertest.Expect(t, f.s, "b4")[0]
		if m.Headers["file"] != in("b.log.1") {
			t.Errorf("headers %v", m.Headers)
		}
		f.reopen()
		f.nothing()
		adaptertest.Close(t, f.s)
		rename(t, in("b.log.1"), in("b.log.2"))
		appendTo(t, in("b.log.2"), "b5\n")
		f.open()
		f.expect("b5")
		f.nothing()
		adaptertest.Close(t, f.s)
	})
}

// A file that never stops growing does not keep others from being read.
func TestFile_FollowIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		busy, quiet := filepath.Join(folder, "a"), filepath.Join(folder, "b")
		adaptertest.Write(t, busy, "busy\n")
		adaptertest.Write(t, quiet, "quiet\n")
		s := adaptertest.OpenSource(t, at(filepath.Join(folder, "*"), follow), eiptest.AdapterEnv())
		defer adaptertest.Close(t, s)
		for range 10 {
			if m := adaptertest.Receive(t, s, 1)[0]; string(m.Body()) == "quiet" {
				return
			}
			appendTo(t, busy, "busy\n")
		}
		t.Error("only the busy file was read")
	})
}

// A whole file is taken when nobody has changed it for a while.
func TestFile_FollowWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		path := filepath.Join(folder, "a")
		s := adaptertest.OpenSource(t, at(filepath.Join(folder, "*"), func(f *file.Adapter) { f.Follow, f.Format = true, adapter.Whole }), eiptest.AdapterEnv())
		defer adaptertest.Close(t, s)
		adaptertest.Write(t, path, "")
		touch(t, path, time.Now())
		for i := range 5 { // it is written slowly
			time.AfterFunc(time.Duration(i)*900*time.Millisecond, func() {
				appendTo(t, path, "x")
				touch(t, path, time.Now())
			})
		}
		m := adaptertest.Expect(t, s, "xxxxx")[0]
		if !m.Timestamp.Equal(time.Now().Add(-time.Second)) && time.Since(m.Timestamp) > 2*time.Second {
			t.Errorf("timestamp %v at %v", m.Timestamp, time.Now())
		}
		adaptertest.Write(t, path, "y")
		touch(t, path, time.Now().Add(-time.Hour)) // whole, by its age
		adaptertest.Expect(t, s, "y")
		remove(t, path)
		time.Sleep(time.Minute)
		adaptertest.Write(t, path, "z")
		touch(t, path, time.Now())
		adaptertest.Expect(t, s, "z")
	})
}
