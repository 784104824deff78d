package stomp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// beats are a connection's heart-beats. They begin with it and end with it. It sends one
// when two thirds of the time have passed that it has promised, and takes the server for
// gone when nothing has come for two and a half times of what that has promised: the first
// beat of ActiveMQ comes after twice that.
type beats struct {
	wire net.Conn
	send time.Duration // 0: none
	hear time.Duration // 0: none

	listening bool
	glance    bool // a read does not wait
}

// agree reads the server's half of the bargain: how often it can send, and how often it
// wants to hear.
func (b *beats) agree(ours time.Duration, theirs string) {
	can, wants, _ := strings.Cut(theirs, ",")
	ms := func(text string) time.Duration {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
		if err != nil {
			return 0
		}
		return time.Duration(n) * time.Millisecond
	}
	if d := ms(can); d > 0 {
		b.hear = max(d, ours)
	}
	if d := ms(wants); d > 0 {
		b.send = max(d, ours)
	}
}

// every is how often a client looks whether it has been silent.
func (b *beats) every() time.Duration {
	if b.send == 0 {
		return 24 * time.Hour
	}
	return b.send / 3 // a write within one such time is followed by a beat after the next
}

// patience is how long nothing may come.
func (b *beats) patience() time.Duration { return b.hear * 5 / 2 }

// listen begins to expect heart-beats.
func (b *beats) listen() { b.listening = true }

// Read reads from the wire. Time counts only while it waits there: a reader that is busy
// elsewhere blames nobody.
func (b *beats) Read(p []byte) (int, error) {
	var until time.Time
	switch {
	case b.glance:
		until = time.Now().Add(5 * time.Millisecond)
	case b.hear > 0:
		until = time.Now().Add(b.patience())
	}
	if b.listening {
		if err := b.wire.SetReadDeadline(until); err != nil {
			return 0, err
		}
	}
	return b.wire.Read(p)
}

// explain says of a connection on which nothing comes that it is lost.
func (b *beats) explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return silence{b.patience()}
	}
	return err
}

// silence is the end of a connection on which nothing came: the server may not know yet
// that it is lost.
type silence struct{ time.Duration }

func (s silence) Error() string { return fmt.Sprintf("nothing came for %v", s.Duration) }
