package stomp

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// agreed is a connection of which both sides promise a beat every second, and its other
// end.
func agreed(ours time.Duration, theirs string) (*conn, net.Conn) {
	wire, far := net.Pipe()
	k := &conn{wire: wire, version: frame.V12, dead: make(chan struct{}), wake: make(chan struct{}, 1), receipts: map[string]func(error){}}
	k.beats.wire = wire
	k.reader = frame.NewReader(&k.beats)
	k.beats.agree(ours, theirs)
	k.start(func(*frame.Frame) error { return nil })
	return k, far
}

func TestBeat_Agree(t *testing.T) {
	for theirs, want := range map[string][2]time.Duration{
		"": {}, "0,0": {}, "x,y": {}, "1000": {0, 2 * time.Second}, "1000,500": {2 * time.Second, 2 * time.Second}, "0,5000": {5 * time.Second, 0},
		"5000, 3000": {3 * time.Second, 5 * time.Second}, "-1,99999999999": {}, "3000,0,7": {0, 3 * time.Second},
	} {
		var b beats
		if b.agree(2*time.Second, theirs); b.send != want[0] || b.hear != want[1] {
			t.Errorf("%q: send %v, hear %v; want %v", theirs, b.send, b.hear, want)
		}
	}
}

// It sends a beat when two thirds of the time are over, whatever else it sends.
func TestBeat_Sent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, far := agreed(time.Second, "0,3000")
		defer k.close()
		came := make(chan time.Time, 1000)
		go func() {
			b := bufio.NewReader(far)
			for {
				if _, err := b.ReadByte(); err != nil {
					close(came)
					return
				}
				if b.Buffered() == 0 {
					came <- time.Now()
				}
			}
		}()
		last := time.Now()
		for i := range 50 {
			if i%3 == 0 {
				time.Sleep(time.Duration(i) * 70 * time.Millisecond)
				if err := k.post(frame.New("ACK", "id", "1")); err != nil {
					t.Fatal(err)
				}
			}
			at := <-came
			if d := at.Sub(last); d > 2*time.Second {
				t.Errorf("silent for %v of 3 seconds", d)
			}
			last = at
		}
	})
}

// A beat that comes at one and a half times of what was agreed is late, and no reason to
// give up; one that does not come is.
func TestBeat_Heard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, far := agreed(time.Second, "1000,0")
		defer k.close()
		for range 10 {
			time.Sleep(1500 * time.Millisecond)
			if _, err := far.Write([]byte("\n")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := k.lost(); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		<-k.dead
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("silence was noticed after %v", d)
		}
		if err := k.lost(); !strings.Contains(err.Error(), "nothing came for 2.5s") {
			t.Errorf("it was lost: %v", err)
		}
	})
}

// Half a frame and then nothing is silence as well, and a reader that is busy with a frame
// blames nobody.
func TestBeat_InAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, far := net.Pipe()
		k := &conn{wire: wire, version: frame.V12, dead: make(chan struct{}), wake: make(chan struct{}, 1), receipts: map[string]func(error){}}
		k.beats.wire = wire
		k.reader = frame.NewReader(&k.beats)
		k.beats.agree(time.Second, "1000,0")
		k.start(func(*frame.Frame) error { time.Sleep(time.Hour); return nil })
		defer k.close()
		if _, err := far.Write([]byte("MESSAGE\n\n\x00MESS")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		if err := k.lost(); err != nil {
			t.Fatal(err)
		}
		<-k.dead
		if err := k.lost(); !strings.Contains(err.Error(), "nothing came") {
			t.Errorf("it was lost: %v", err)
		}
	})
}

// What is asked is answered, or fails: by the server's word, after a while, with the
// caller's context or with the connection.
func TestConn_Ask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, far := agreed(time.Second, "0,0")
		go func() { _, _ = io.Copy(io.Discard, far) }()
		began := time.Now()
		if err := k.ask(t.Context(), frame.New("SUBSCRIBE")); err == nil || !strings.Contains(err.Error(), "does not answer SUBSCRIBE") || time.Since(began) != answerTime {
			t.Errorf("without an answer: %v after %v", err, time.Since(began))
		}
		if _, err := far.Write([]byte("RECEIPT\nreceipt-id:1\n\n\x00RECEIPT\nreceipt-id:1\n\n\x00")); err != nil { // late, and twice
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.ask(ctx, frame.New("SUBSCRIBE")); err != context.DeadlineExceeded {
			t.Errorf("the caller has no time: %v", err)
		}
		answer := make(chan error, 1)
		go func() { answer <- k.ask(t.Context(), frame.New("SUBSCRIBE")) }()
		synctest.Wait()
		if _, err := far.Write([]byte("ERROR\nmessage:no\nreceipt-id:3\n\n\x00")); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; err == nil || err.Error() != "no" {
			t.Errorf("the server says no: %v", err)
		}
		go func() { answer <- k.ask(t.Context(), frame.New("SUBSCRIBE")) }()
		synctest.Wait()
		_ = far.Close()
		if err := <-answer; err == nil {
			t.Error("a lost connection has answered")
		}
		k.close()
		if err := k.post(frame.New("ACK")); err == nil {
			t.Error("something was sent on a closed connection")
		}
	})
}

// A server that reads nothing makes those wait who send, and no more memory is taken.
func TestConn_Room(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := agreed(time.Second, "0,0")
		large := frame.New("SEND")
		large.Body = make([]byte, 300<<10)
		sent := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for k.room(ctx) == nil {
			if err := k.post(large); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if most := 2*(mostUnwritten/len(large.Body)+1) + 1; sent > most {
			t.Errorf("%d frames were taken, want %d at most", sent, most)
		}
		k.close() // is not held up by who reads nothing
	})
}
