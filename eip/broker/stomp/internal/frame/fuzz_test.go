package frame

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// FuzzRead reads any bytes: there is no panic, and nothing beyond the limits.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "\n\r\n", "MESSAGE\n\n\x00", "MESSAGE\r\na:b\r\n\r\nbody\x00\nRECEIPT\nreceipt-id:1\n\n\x00", "CONNECTED\nversion:1.2\n\n\x00",
		"MESSAGE\ncontent-length:3\n\na\x00b\x00", "MESSAGE\ncontent-length:99999999\n\na\x00b\x00", "ERROR\nmessage:a\\cb\\\\\n\nwhy\x00",
		"MESSAGE\na\n\n\x00", "MESSAGE\n" + strings.Repeat("a:b\n", 30) + "\n\x00", strings.Repeat("\n", 100),
	} {
		for version := range byte(3) {
			f.Add([]byte(text), version)
		}
	}
	limits := Limits{Line: 100, Headers: 20, Bytes: 500, Body: 1000}
	f.Fuzz(func(t *testing.T, text []byte, version byte) {
		r := NewReader(bytes.NewReader(text))
		r.Version, r.Limits = []string{V10, V11, V12}[version%3], limits
		for {
			got, err := r.Read()
			if err != nil {
				return
			}
			all := 0
			for _, h := range got.Headers {
				all += len(h.Name) + len(h.Value)
			}
			if len(got.Headers) > limits.Headers || all > limits.Bytes || int64(len(got.Body)) > limits.Body || cap(got.Body) > 1<<17 {
				t.Fatalf("read %d headers of %d bytes and a body of %d", len(got.Headers), all, len(got.Body))
			}
		}
	})
}

// FuzzWrite writes a frame and reads it again: it is the same, or it was refused.
func FuzzWrite(f *testing.F) {
	f.Add("a", "b", "a", ":\r\n\\", []byte("body\x00"))
	f.Add("", "b", "c\x00", "d", []byte{})
	f.Add(`\c`, "\\\\\n", " ", "\r", []byte("\n"))
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, body []byte) {
		sent := New("MESSAGE", "first", "1", name1, value1, name2, value2)
		sent.Body = body
		for _, version := range []string{V10, V11, V12} {
			b, err := sent.Append(nil, version)
			if err != nil {
				if version == V12 && name1 != "" && name2 != "" && !strings.Contains(name1+value1+name2+value2, "\x00") {
					t.Fatalf("%q was refused: %v", sent.Headers, err)
				}
				continue
			}
			r := NewReader(bytes.NewReader(append(b, "\nRECEIPT\n\n\x00"...)))
			r.Version = version
			got, err := r.Read()
			if err != nil {
				if name1 == "content-length" || name2 == "content-length" { // its own, which no caller writes
					continue
				}
				t.Fatalf("%s: %q cannot be read: %v", version, b, err)
			}
			if n := len(got.Headers) - 1; !reflect.DeepEqual(got.Headers[:n], sent.Headers) || !bytes.Equal(got.Body, body) && name1 != "content-length" && name2 != "content-length" {
				t.Fatalf("%s: %+v became %+v", version, sent, got)
			}
			if next, err := r.Read(); (err != nil || next.Command != "RECEIPT") && name1 != "content-length" && name2 != "content-length" {
				t.Fatalf("%s: %q has more than one frame: %v, %v", version, b, next, err)
			}
		}
	})
}
