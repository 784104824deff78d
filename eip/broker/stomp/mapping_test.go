package stomp_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
)

// What one eipd sends, the next gets, whatever it is, but for what the page says.
func TestMapping_Lossless(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		t.Cleanup(func() { b.Close() })
		e := openEnds(t, b, queue(t, "q"))
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		for range 300 {
			m := g.message()
			if err := send(t, e.to, m); err != nil {
				t.Fatalf("%#v was not sent: %v", m, err)
			}
			same(t, m, e.receive())
		}
	})
}

// same compares what was received with what was sent.
func same(t testing.TB, sent, got *eip.Message) {
	t.Helper()
	if !bytes.Equal(got.Body(), sent.Body()) {
		t.Fatalf("the body %.100q became %.100q", sent.Body(), got.Body())
	}
	is, was := reflect.ValueOf(got).Elem(), reflect.ValueOf(sent).Elem()
	for i := range is.NumField() {
		f := is.Type().Field(i)
		a, b := was.Field(i), is.Field(i)
		switch f.Name {
		case "Channel", "Redelivered", "UserID", "Copies", "Status":
			continue
		}
		if f.IsExported() && !reflect.DeepEqual(normal(a.Interface()), normal(b.Interface())) {
			t.Fatalf("%s was\n%#v\nand became\n%#v", f.Name, a.Interface(), b.Interface())
		}
	}
}

// normal is a value as it is read again.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case uint:
		return normal(uint64(v))
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case float32:
		if v != v {
			return "NaN"
		}
	case float64:
		if v != v {
			return "NaN"
		}
	case []byte:
		if len(v) == 0 {
			return []byte{}
		}
	case time.Time:
		return v.UnixNano()
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = normal(e)
		}
		return list
	case eip.Headers:
		h := map[string]any{}
		for name, e := range v {
			h[name] = normal(e)
		}
		return h
	}
	return v
}

// generator makes messages at random.
type generator struct{ *rand.Rand }

func (g generator) message() *eip.Message {
	return message(string(g.bytes(3000)), func(m *eip.Message) {
		m.ID, m.CorrelationID, m.Type, m.ContentType, m.Encoding = g.text(), g.text(), g.text(), g.text(), g.text()
		m.Key, m.UserID, m.AppID, m.Priority, m.Headers = g.text(), g.text(), g.text(), uint8(g.Uint32()), g.table(3)
		if g.IntN(2) == 0 {
			m.ReplyTo = "replies." + fmt.Sprint(g.IntN(100))
		}
		if g.IntN(2) == 0 {
			m.Timestamp = time.Unix(g.Int64N(1<<36), g.Int64N(1e9)).UTC()
		}
		if g.IntN(2) == 0 {
			m.Expiration = time.Duration(60_000+g.IntN(1<<30)) * time.Millisecond
		}
		m.Delivery = []eip.DeliveryMode{eip.Transient, eip.Persistent}[g.IntN(2)]
		if g.IntN(2) == 0 {
			m.Sequence = eip.Sequence{ID: g.text(), Number: g.IntN(1 << 31), Size: g.IntN(1 << 31)}
			if g.IntN(2) == 0 {
				m.Sequence.Outer = &eip.Sequence{ID: g.text(), Number: g.IntN(9), Size: g.IntN(9), Outer: &eip.Sequence{ID: g.text()}}
			}
		}
	})
}

// text is one with everything that STOMP escapes, or means something in it.
func (g generator) text() string {
	var text strings.Builder
	for range g.IntN([]int{2, 10, 60}[g.IntN(3)]) {
		text.WriteString([]string{":", "\n", "\r", `\`, `\c`, "ü", "\U0001f600", " ", "a", "1", "%", "/", "\"", "\t", "\x7f", "eip-", "x-"}[g.IntN(17)])
	}
	return text.String()
}

// bytes are any, so mostly no text.
func (g generator) bytes(most int) []byte {
	b := make([]byte, g.IntN(most+1))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// table is one of headers that no server reserves.
func (g generator) table(depth int) eip.Headers {
	var h eip.Headers
	for range g.IntN(6) {
		if h == nil {
			h = eip.Headers{}
		}
		h["h"+g.text()] = g.value(depth)
	}
	return h
}

func (g generator) value(depth int) any {
	kinds := 18
	if depth > 0 {
		kinds = 20
	}
	switch g.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2:
		return int8(g.Uint32())
	case 3:
		return byte(g.Uint32())
	case 4:
		return int16(g.Uint32())
	case 5:
		return uint16(g.Uint32())
	case 6:
		return int32(g.Uint32())
	case 7:
		return g.Uint32()
	case 8:
		return int64(g.Uint64())
	case 9:
		return g.Uint64()
	case 10:
		return float32(g.NormFloat64())
	case 11:
		return []float64{math.Inf(1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64, g.NormFloat64()}[g.IntN(5)]
	case 12:
		return g.text()
	case 13:
		return string(g.bytes(50))
	case 14:
		return g.bytes(50)
	case 15:
		return time.Unix(g.Int64N(1<<36), g.Int64N(1e9))
	case 16:
		return eip.Decimal{Scale: uint8(g.Uint32()), Value: int32(g.Uint32())}
	case 17:
		return g.IntN(1000)
	case 18:
		if h := g.table(depth - 1); h != nil {
			return h
		}
		return eip.Headers{}
	}
	list := []any{}
	for range g.IntN(4) {
		list = append(list, g.value(depth-1))
	}
	return list
}
