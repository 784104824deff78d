package frame

import (
	"bytes"
	"testing"
)

func typical() *Frame {
	f := New("MESSAGE", "subscription", "0", "message-id", "ID:host-40000-1700000000000-3:1:-1:1:1", "ack", "ID:host-40000-1700000000000-4:1",
		"destination", "/queue/orders", "timestamp", "1700000000000", "priority", "4", "persistent", "true", "eip-id", "0123456789abcdef0123456789abcdef")
	f.Body = bytes.Repeat([]byte("x"), 256)
	return f
}

func BenchmarkAppend(b *testing.B) {
	f := typical()
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = f.Append(out[:0], V12); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}

// again reads the same for ever.
type again struct {
	text []byte
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := copy(p, a.text[a.at:])
	a.at = (a.at + n) % len(a.text)
	return n, nil
}

func BenchmarkRead(b *testing.B) {
	text, err := typical().Append(nil, V12)
	if err != nil {
		b.Fatal(err)
	}
	r := NewReader(&again{text: text})
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
