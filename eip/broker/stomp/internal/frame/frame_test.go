package frame

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// What each version writes of a header, and what it cannot carry.
func TestAppend(t *testing.T) {
	send := func(name, value string) *Frame { return New("SEND", name, value) }
	for name, test := range map[string]struct {
		frame         *Frame
		v10, v11, v12 string // the lines of headers; "": an error
	}{
		"plain":              {send("a", "b"), "a:b", "a:b", "a:b"},
		"empty value":        {send("a", ""), "a:", "a:", "a:"},
		"blanks":             {send(" a ", " b "), " a : b ", " a : b ", " a : b "},
		"colon in the value": {send("a", "b:c"), "a:b:c", `a:b\cc`, `a:b\cc`},
		"colon in the name":  {send("a:b", "c"), "", `a\cb:c`, `a\cb:c`},
		"backslash":          {send(`a\`, `\n`), `a\:\n`, `a\\:\\n`, `a\\:\\n`},
		"line end in value":  {send("a", "b\nc"), "", `a:b\nc`, `a:b\nc`},
		"line end in name":   {send("a\nb", "c"), "", `a\nb:c`, `a\nb:c`},
		"return within":      {send("a", "b\rc"), "a:b\rc", "a:b\rc", `a:b\rc`},
		"return at the end":  {send("a", "b\r"), "", "", `a:b\r`},
		"return in the name": {send("a\r", "b"), "a\r:b", "a\r:b", `a\r:b`},
		"NUL in the value":   {send("a", "b\x00"), "", "", ""},
		"NUL in the name":    {send("a\x00", "b"), "", "", ""},
		"no name":            {send("", "b"), "", "", ""},
		"twice":              {New("SEND", "a", "1", "a", "2"), "a:1\na:2", "a:1\na:2", "a:1\na:2"},
		"pass code":          {New("CONNECT", "passcode", `a:b\c`), `passcode:a:b\c`, `passcode:a:b\c`, `passcode:a:b\c`},
		"pass code's end":    {New("CONNECT", "passcode", "a\n"), "", "", ""},
	} {
		for version, want := range map[string]string{V10: test.v10, V11: test.v11, V12: test.v12} {
			if test.frame.Command == "SEND" && want != "" {
				want += "\ncontent-length:0"
			}
			b, err := test.frame.Append([]byte("before"), version)
			switch {
			case (err != nil) != (want == ""):
				t.Errorf("%s, %s: wrote %q, %v", name, version, b, err)
			case (test.frame.Check(version) != nil) != (err != nil):
				t.Errorf("%s, %s: Check and Append differ: %v", name, version, err)
			case err == nil && string(b) != "before"+test.frame.Command+"\n"+want+"\n\n\x00":
				t.Errorf("%s, %s: wrote %q, want the headers %q", name, version, b, want)
			}
		}
	}
}

func TestAppend_Length(t *testing.T) {
	for command, want := range map[string]string{"SEND": "content-length:0\n", "ACK": "", "SUBSCRIBE": ""} {
		if b, err := New(command).Append(nil, V12); err != nil || string(b) != command+"\n"+want+"\n\x00" {
			t.Errorf("%s is %q, %v", command, b, err)
		}
	}
	f := New("SEND")
	f.Body = []byte("a\x00b")
	if b, err := f.Append(nil, V12); err != nil || string(b) != "SEND\ncontent-length:3\n\na\x00b\x00" {
		t.Errorf("wrote %q, %v", b, err)
	}
}

func read(text, version string) (*Frame, error) {
	r := NewReader(strings.NewReader(text))
	r.Version = version
	return r.Read()
}

func TestRead(t *testing.T) {
	message := func(body string, headers ...string) *Frame {
		f := New("MESSAGE", headers...)
		f.Body = []byte(body)
		return f
	}
	for name, test := range map[string]struct {
		text, version string
		want          *Frame
	}{
		"bare":                     {"MESSAGE\n\n\x00", V12, message("")},
		"heart-beats before":       {"\n\r\n\nMESSAGE\n\n\x00", V12, message("")},
		"body":                     {"MESSAGE\n\nb\n\x00", V12, message("b\n")},
		"returns":                  {"MESSAGE\r\na:b\r\n\r\nc\r\n\x00", V12, message("c\r\n", "a", "b")},
		"only one return is taken": {"MESSAGE\r\na:b\r\r\n\r\n\x00", V12, message("", "a", "b\r")},
		"escapes of 1.2":           {"MESSAGE\n\\c\\\\:\\n\\r\n\n\x00", V12, message("", `:\`, "\n\r")},
		"escapes of 1.1":           {"MESSAGE\na:\\c\\n\\\\n\n\n\x00", V11, message("", "a", ":\n\\n")},
		"no escapes in 1.0":        {"MESSAGE\na:\\c\\n\n\n\x00", V10, message("", "a", `\c\n`)},
		"no escapes in CONNECTED":  {"CONNECTED\nsession:a\\cb\n\n\x00", V12, New("CONNECTED", "session", `a\cb`)},
		"unknown escapes stay":     {"MESSAGE\na:\\t\\\n\n\x00", V12, message("", "a", `\t\`)},
		"colons after the first":   {"MESSAGE\na:b:c\n\n\x00", V12, message("", "a", "b:c")},
		"a length wins":            {"MESSAGE\ncontent-length:3\n\na\x00b\x00", V12, message("a\x00b", "content-length", "3")},
		"a length with a blank":    {"MESSAGE\ncontent-length: 1\n\na\x00", V12, message("a", "content-length", " 1")},
		"a NUL ends":               {"MESSAGE\n\na\x00b\x00", V12, message("a")},
		"twice":                    {"MESSAGE\na:1\na:2\n\n\x00", V12, message("", "a", "1", "a", "2")},
		"the first length":         {"MESSAGE\ncontent-length:1\ncontent-length:9\n\na\x00", V12, message("a", "content-length", "1", "content-length", "9")},
		"a receipt of 1.1":         {"RECEIPT\nreceipt-id:1\n\n\x00", V11, New("RECEIPT", "receipt-id", "1")},
	} {
		for _, in := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
			r := NewReader(in)
			r.Version = test.version
			got, err := r.Read()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got.Command != test.want.Command || !bytes.Equal(got.Body, test.want.Body) ||
				len(got.Headers)+len(test.want.Headers) > 0 && !reflect.DeepEqual(got.Headers, test.want.Headers) {
				t.Errorf("%s: read %+v, want %+v", name, got, test.want)
			}
		}
	}
	f, _ := read("MESSAGE\na:1\na:2\n\n\x00", V12)
	if f.Get("a") != "1" || f.Get("b") != "" {
		t.Errorf("of two headers, %q counts", f.Get("a"))
	}
}

func TestRead_Wrong(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no STOMP":           {"HTTP/1.1 400 Bad Request\r\n\r\n", `no STOMP: a frame begins with "HTTP/1.1 400 Bad Request"`},
		"an endless command": {strings.Repeat("X", 1<<20), "no STOMP"},
		"lower case":         {"message\n\n\x00", "no STOMP"},
		"a NUL too many":     {"\x00MESSAGE\n\n\x00", "no STOMP"},
		"no colon":           {"MESSAGE\nab\n\n\x00", `headers of MESSAGE: "ab" has no colon`},
		"negative length":    {"MESSAGE\ncontent-length:-1\n\n\x00", `content-length is "-1"`},
		"length as text":     {"MESSAGE\ncontent-length:x\n\n\x00", `content-length is "x"`},
		"length beyond":      {"MESSAGE\ncontent-length:99999999999999999999\n\n\x00", "content-length is"},
		"length too short":   {"MESSAGE\ncontent-length:1\n\nab\x00", "longer than its content-length"},
	} {
		if f, err := read(test.text, V12); err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, io.EOF) {
			t.Errorf("%s: %+v, %v; want %s", name, f, err, test.want)
		}
	}
	if f, err := read("\n\r\n", V12); err != io.EOF {
		t.Errorf("between frames the end is %+v, %v", f, err)
	}
}

// A frame that is cut off anywhere is none.
func TestRead_Truncated(t *testing.T) {
	for _, text := range []string{"MESSAGE\na:b\n\nbody\x00", "MESSAGE\r\na:b\r\ncontent-length:4\r\n\r\nbo\x00y\x00"} {
		for n := 1; n < len(text); n++ {
			if f, err := read(text[:n], V12); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q is %+v, %v", text[:n], f, err)
			}
		}
	}
}

// What is as long as it may be is read, and one more is an error.
func TestRead_Limits(t *testing.T) {
	line := func(n int) string { return "a:" + strings.Repeat("b", n-2) + "\n" }
	for name, test := range map[string]struct {
		fits, breaks string
		want         string
	}{
		"line":              {"MESSAGE\n" + line(100) + "\n\x00", "MESSAGE\n" + line(103) + "\n\x00", "too long"},
		"lines":             {"MESSAGE\n" + strings.Repeat("a:b\n", 10) + "\n\x00", "MESSAGE\n" + strings.Repeat("a:b\n", 11) + "\n\x00", "more than 10"},
		"bytes":             {"MESSAGE\n" + strings.Repeat(line(50), 6) + "\n\x00", "MESSAGE\n" + strings.Repeat(line(51), 6) + "\n\x00", "more than 300 bytes"},
		"body by length":    {"MESSAGE\ncontent-length:200\n\n" + strings.Repeat("x", 200) + "\x00", "MESSAGE\ncontent-length:201\n\n", "201 bytes, and 200 are taken"},
		"body up to a NUL":  {"MESSAGE\n\n" + strings.Repeat("x", 200) + "\x00", "MESSAGE\n\n" + strings.Repeat("x", 201) + "\x00", "more than 200 bytes"},
		"endless body":      {"MESSAGE\n\n\x00", "MESSAGE\n\n" + strings.Repeat("x", 1<<20), "more than 200 bytes"},
		"endless line":      {"MESSAGE\n\n\x00", "MESSAGE\n" + strings.Repeat("x", 1<<20), "too long"},
		"line, with return": {"MESSAGE\n" + strings.TrimSuffix(line(100), "\n") + "\r\n\n\x00", "MESSAGE\n" + strings.TrimSuffix(line(103), "\n") + "\r\n\n\x00", "too long"},
	} {
		for _, text := range []string{test.fits, test.breaks} {
			r := NewReader(strings.NewReader(text))
			r.Limits = Limits{Line: 100, Headers: 10, Bytes: 300, Body: 200}
			_, err := r.Read()
			switch {
			case text == test.fits && err != nil:
				t.Errorf("%s: what fits is %v", name, err)
			case text == test.breaks && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: what does not fit is %v", name, err)
			}
		}
	}
}

// A body is made room for as it comes, not as it is promised.
func TestRead_PromisedBody(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := read("MESSAGE\ncontent-length:500000000\n\nx", V12); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4*step {
		t.Errorf("a promise took %d bytes", used)
	}
}

// Heart-beats are no more to read, and looking takes nothing.
func TestMore(t *testing.T) {
	for text, want := range map[string]bool{"": false, "\n\r\n": false, strings.Repeat("\n", 100<<10): false, "\n\nMESSAGE\n\n\x00": true, "M": true} {
		r := NewReader(strings.NewReader(text))
		for range 2 {
			if got := r.More(); got != want {
				t.Errorf("%.20q: %v", text, got)
			}
		}
		if f, err := r.Read(); strings.HasSuffix(text, "\x00") && (err != nil || f.Command != "MESSAGE") {
			t.Errorf("%.20q is then %+v, %v", text, f, err)
		}
	}
}
