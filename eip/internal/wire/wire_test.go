package wire

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
)

var kilobyte = bytes.Repeat([]byte("x"), 1024)

// randomMessage sets any of a message's fields to anything.
func randomMessage(r *rand.Rand) *eip.Message {
	return eip.New(randomBytes(r), nil).With(func(m *eip.Message) {
		for _, s := range []*string{&m.ID, &m.CorrelationID, &m.ReplyTo, &m.Type, &m.ContentType, &m.Encoding, &m.Key, &m.UserID, &m.AppID, &m.Sequence.ID} {
			if r.IntN(2) == 0 {
				*s = string(randomBytes(r))
			}
		}
		if r.IntN(2) == 0 {
			m.Timestamp = randomTime(r)
		}
		if r.IntN(2) == 0 {
			m.Expiration = time.Duration(r.Int64()) - math.MaxInt64/2
			m.Priority = uint8(r.Uint32())
			m.Sequence.Number, m.Sequence.Size = int(r.Int64()), -r.IntN(10)
			for s := &m.Sequence; r.IntN(2) == 0; s = s.Outer {
				s.Outer = &eip.Sequence{ID: string(randomBytes(r)), Number: int(r.Int64())}
			}
		}
		if r.IntN(3) > 0 {
			m.Headers = randomValue(r, 3, kindHeaders).(eip.Headers)
		}
	})
}

func randomBytes(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(20))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomTime(r *rand.Rand) time.Time {
	t := time.Unix(r.Int64N(1<<40)-1<<39, r.Int64N(1e9))
	if r.IntN(2) == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", r.IntN(100_000)-50_000))
}

func randomValue(r *rand.Rand, depth int, k kind) any {
	if depth == 0 {
		k %= kindHeaders
	}
	n := r.Uint64() >> r.IntN(64)
	inner := func() any { return randomValue(r, depth-1, kind(r.IntN(int(kindList)+1))) }
	switch k {
	case kindFalse, kindTrue:
		return k == kindTrue
	case kindInt:
		return int(n)
	case kindInt8:
		return int8(n)
	case kindInt16:
		return int16(n)
	case kindInt32:
		return int32(n)
	case kindInt64:
		return int64(n)
	case kindUint:
		return uint(n)
	case kindUint8:
		return uint8(n)
	case kindUint16:
		return uint16(n)
	case kindUint32:
		return uint32(n)
	case kindUint64:
		return n
	case kindFloat32:
		return math.Float32frombits(uint32(n) &^ (1 << 30)) // no NaN, which equals nothing
	case kindFloat64:
		return math.Float64frombits(n &^ (1 << 62))
	case kindString:
		return string(randomBytes(r))
	case kindBytes:
		return randomBytes(r)
	case kindTime:
		return randomTime(r)
	case kindDecimal:
		return eip.Decimal{Scale: uint8(n), Value: int32(n >> 8)}
	case kindHeaders:
		h := eip.Headers{}
		for range r.IntN(5) {
			h[string(randomBytes(r))] = inner()
		}
		return h
	case kindList:
		l := []any{}
		for range r.IntN(5) {
			l = append(l, inner())
		}
		return l
	}
	return nil
}

// fields are a message's own, as they can be compared.
func fields(m *eip.Message) map[string]any {
	f := map[string]any{"body": string(m.Body())}
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Type().Field(i).IsExported() && name != "Redelivered" && name != "Channel" {
			f[name] = plain(v.Field(i).Interface())
		}
	}
	return f
}

// plain replaces times, which do not compare, by what they say.
func plain(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano + " Z07:00:00")
	case eip.Headers:
		c := make(map[string]any, len(v))
		for name, e := range v {
			c[name] = plain(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = plain(v[i])
		}
		return c
	}
	return v
}

func TestCodec_RoundTrip(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		m, deadline := randomMessage(r), r.Int64()
		b, err := Encode([]byte("before"), m, deadline)
		if err != nil {
			t.Fatal(err)
		}
		got, d, err := Decode(b[len("before"):], nil)
		if err != nil || d != deadline {
			t.Fatalf("seed %d: decode gave %v and the deadline %d, want %d", seed, err, d, deadline)
		}
		if want, got := fields(m), fields(got); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n%#v became\n%#v", seed, want, got)
		}
	}
}

// What is in files already must stay readable: this is one, as version 1 wrote it.
func TestCodec_Version1(t *testing.T) {
	const written = "016b000000010269640206636f72722d3105106170706c69636174696f6e2f6a736f6e0703612e620a808080801000000b80e0ba84bf030c050d017302040ff6010e01046c697374140a0002035409070e000000000000f83f0f04746578741001ff11000100120209130102696e06017b7d"
	m := eip.New([]byte("{}"), nil).With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ContentType, m.Key, m.Priority = "id", "corr-1", "application/json", "a.b", 5
		m.Timestamp, m.Expiration = time.Unix(1<<31, 0).UTC(), time.Minute
		m.Sequence = eip.Sequence{ID: "s", Number: 1, Size: 2}
		m.Headers = eip.Headers{"list": []any{nil, true, 42, uint8(7), 1.5, "text", []byte{0xff}, time.Unix(0, 1).UTC(),
			eip.Decimal{Scale: 2, Value: -5}, eip.Headers{"in": int32(-1)}}}
	})
	b, err := hex.DecodeString(written)
	if err != nil {
		t.Fatal(err)
	}
	got, deadline, err := Decode(b, nil)
	if err != nil || deadline != 123 {
		t.Fatalf("decode gave %v and the deadline %d", err, deadline)
	}
	if got, want := fields(got), fields(m); !reflect.DeepEqual(got, want) {
		t.Errorf("%#v\nwant\n%#v", got, want)
	}
	if now, err := Encode(nil, m, 123); err != nil || !bytes.Equal(now, b) {
		t.Errorf("it is now written as %x, %v", now, err)
	}
}

func TestCodec_Refuses(t *testing.T) {
	endless := eip.Headers{}
	endless["self"] = endless
	deep := any(1)
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	for name, h := range map[string]eip.Headers{
		"channel": {"x": make(chan int)}, "struct": {"x": struct{}{}}, "in a list": {"x": []any{1, []any{func() {}}}},
		"endless": endless, "too deep": {"x": deep},
	} {
		m := eip.New(nil, nil).With(func(m *eip.Message) { m.Headers = h })
		if _, err := Encode(nil, m, 0); err == nil || !eip.IsPermanent(err) || !strings.Contains(err.Error(), "header") {
			t.Errorf("%s: encode gave %v, want a permanent error that names the header", name, err)
		}
	}
	for name, b := range map[string][]byte{
		"empty": {}, "short": {1, 0, 0}, "later version": {2, 0, 0, 0, 0}, "no such field": {1, 1, 0, 0, 0, 99},
		"fields go over the end": {1, 9, 0, 0, 0, 1}, "string goes over the end": {1, 2, 0, 0, 0, 1, 200},
		"headers that lie": {1, 6, 0, 0, 0, byte(tagHeaders), 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		if m, _, err := Decode(b, nil); err == nil {
			t.Errorf("%s: decoded as %+v", name, m)
		}
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		b, err := Encode(nil, randomMessage(r), r.Int64())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, deadline, err := Decode(b, nil)
		if err != nil {
			return
		}
		again, err := Encode(nil, m, deadline)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		m2, _, err := Decode(again, nil)
		if err != nil || !bytes.Equal(m2.Body(), m.Body()) || len(m2.Headers) != len(m.Headers) {
			t.Fatalf("%+v became %+v, %v", m, m2, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	m := eip.New(kilobyte, nil).With(func(m *eip.Message) {
		m.ID, m.ContentType, m.Headers = eip.NewID(), "application/json", eip.Headers{"file": "in.jsonl", "line": 12}
	})
	buf, _ := Encode(nil, m, 0)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = Encode(buf[:0], m, 0)
	}
}

func BenchmarkDecode(b *testing.B) {
	m := eip.New(kilobyte, nil).With(func(m *eip.Message) {
		m.ID, m.ContentType, m.Headers = eip.NewID(), "application/json", eip.Headers{"file": "in.jsonl", "line": 12}
	})
	buf, _ := Encode(nil, m, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decode(buf, nil); err != nil {
			b.Fatal(err)
		}
	}
}
