package amqp

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/rabbit"
)

// back is the Settler of a message that its source has taken back.
type back struct{}

func (back) Settle(error)  {}
func (back) Revoked() bool { return true }

// A sender that has a connection again does not give up what its session has counted, and
// waits for, because the one before was lost.
func TestSender_LetsGoOfNothingCounted(t *testing.T) {
	dial := func() *connection {
		c, err := amqp.Dial(rabbit.Shared(t).URL())
		if err != nil {
			t.Fatal(err)
		}
		return &connection{Connection: c}
	}
	lost, works := dial(), dial()
	if err := lost.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { works.Close() })
	s := &sender{credit: make(chan struct{}, 2), idle: make(chan struct{}, 1), conn: lost}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			default:
				s.letGo()
			}
		}
	}()
	for i := range 100000 {
		s.mu.Lock()
		s.conn, s.underWay = works, nil
		s.mu.Unlock()
		s.credit <- struct{}{}
		s.mu.Lock()
		s.underWay = append(s.underWay, &outgoing{message: eip.NewFor(nil, back{}), release: func(error) {}})
		s.mu.Unlock()
		s.mu.Lock()
		left := len(s.underWay)
		s.underWay, s.conn = nil, lost
		s.mu.Unlock()
		if left == 0 {
			t.Errorf("after %d times, it gave up what is under way", i)
			break
		}
		<-s.credit
	}
	close(over)
	<-ended
}

// A source is closed by its broker, and by who began to open it: it leaves the others of its
// process once.
func TestSingle_LeftOnce(t *testing.T) {
	b := &Broker{singles: map[string]*single{}}
	s := &source{broker: b, single: b.single("one"), stop: func() {}}
	other := b.single("one")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if other.sources != 1 {
		t.Errorf("%d sources are left", other.sources)
	}
}
