package deadletter_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// everyHeader has a header of each type.
func everyHeader() eip.Headers {
	return eip.Headers{
		"null": nil, "bool": true, "text": "ä <&>", "no text": "\xff\x00", "int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(math.MinInt64),
		"uint": uint(1), "uint8": uint8(8), "uint16": uint16(16), "uint32": uint32(32), "uint64": uint64(math.MaxUint64),
		"float32": float32(0.1), "float64": 0.1, "whole": float64(5), "large": 1e300, "infinite": math.Inf(-1),
		"bytes": []byte{0, 255}, "no bytes": []byte{}, "time": time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC), "decimal": eip.Decimal{Scale: 2, Value: -150},
		"table": eip.Headers{"a": int32(1), "b": eip.Headers{"c": []any{uint8(1), "x"}}}, "list": []any{int64(1), nil, eip.Headers{"d": 1.5}},
	}
}

// What was exported and is imported is what it was, in every property.
func TestExport_IsExact(t *testing.T) {
	for _, body := range []string{"", `{"big": 12345678901234567890123, "b": 1.0, "a": 1e2}`, "\x00\xff\xfe", "line\nline\r\n"} {
		m := eip.New([]byte(body), nil)
		m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key, m.UserID, m.AppID = "i", "c", "r", "t", "application/json", "gzip", "k", "u", "a"
		m.Timestamp, m.Expiration, m.Priority, m.Delivery = noon.Add(5), time.Hour+1, 7, eip.Persistent
		m.Sequence = eip.Sequence{ID: "s", Number: 2, Size: 3, Outer: &eip.Sequence{ID: "o", Number: 1}}
		m.Headers = everyHeader()
		var line bytes.Buffer
		if err := deadletter.Save(&line, m); err != nil {
			t.Fatal(err)
		}
		e, err := deadletter.ReadExport(line.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Import()
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Body()) != body {
			t.Errorf("the body is %q", got.Body())
		}
		for name, want := range m.Headers {
			if !reflect.DeepEqual(got.Headers[name], want) {
				t.Errorf("the header %s is %#v, and was %#v", name, got.Headers[name], want)
			}
		}
		if deadletter.Read(got).ID != deadletter.Read(m).ID {
			t.Error("it has another id")
		}
		got.Headers, m.Headers = nil, nil
		if a, b := onlyEnvelope(got), onlyEnvelope(m); !reflect.DeepEqual(a, b) {
			t.Errorf("it is\n%+v\nand was\n%+v", a, b)
		}
	}
}

func onlyEnvelope(m *eip.Message) any {
	return []any{m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key, m.UserID, m.AppID, m.Timestamp, m.Expiration, m.Priority, m.Delivery, m.Sequence}
}

// What is saved is there, though JSON cannot hold a header of it; but that is said.
func TestSave_SaysWhatIsMissing(t *testing.T) {
	m := eip.New([]byte("body"), nil)
	m.Headers = eip.Headers{"a": "b", "table": eip.Headers{"\xff": 1}}
	var line bytes.Buffer
	if err := deadletter.Save(&line, m); err != nil || line.String() != `{"redacted":true,"headers":{"a":"b"},"body":"body"}`+"\n" {
		t.Errorf("%q, %v", line.String(), err)
	}
}

func TestImport_Refuses(t *testing.T) {
	for line, why := range map[string]string{
		`x`:                                        "no exported letter",
		`{"colour": 1}`:                            "colour",
		`{"redacted": true}`:                       "redacts",
		`{"headers": {"x": {"$int8": "300"}}}`:     `header "x"`,
		`{"headers": {"x": {"$colour": "300"}}}`:   "$colour is no type",
		`{"headers": {"x": 18446744073709551616}}`: "no header can hold",
	} {
		e, err := deadletter.ReadExport([]byte(line))
		if err == nil {
			_, err = e.Import()
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
