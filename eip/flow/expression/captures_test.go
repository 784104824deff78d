package expression_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression"
)

func TestCaptures(t *testing.T) {
	const log = `{"line":"10.0.0.7 - - [06/May/2024:07:08:09 +0000] \"GET /a?b=ü HTTP/1.1\" 404 12","p":"(?P<x>b+)","long":"LONG","n":5}`
	body := strings.Replace(log, "LONG", strings.Repeat("a", 100_000)+"b", 1)
	const access = `(?P<ip>\\S+) \\S+ \\S+ \\[(?<when>[^\\]]+)\\] "(?<method>\\w+) (?<path>\\S+) [^"]*" (?<status>\\d+) (?<size>\\d+)(?<more> .*)?$`
	for source, want := range map[string]string{
		`captures(body.line, '` + access + `')`:                    `{"ip":"10.0.0.7","method":"GET","more":null,"path":"/a?b=ü","size":"12","status":"404","when":"06/May/2024:07:08:09 +0000"}`,
		`int(captures(body.line, '` + access + `').status) >= 400`: `true`,
		`captures("abbc", body.p)`:                                 `{"x":"bb"}`,
		`captures("abbc", body.p).x`:                               `"bb"`,
		`captures(body.none, "(?<x>a)")`:                           `null`,
		`captures("b", "(?<x>a)")?.x ?? "none"`:                    `"none"`,
		`captures("b", "(?<x>a)").x`:                               `invalid`,
		`captures(body.n, "(?<x>a)")`:                              `invalid`,
		`captures("a", body.n)`:                                    `invalid`,
		`captures("a", "(" + body.p)`:                              `invalid`,
		`captures(body.long, "^(?<a>(a|aa)*)(?<b>b)$").b`:          `"b"`,
		`map(["x1", "y2"], captures(#, "(?<l>[a-z])(?<n>[0-9])"))`: `[{"l":"x","n":"1"},{"l":"y","n":"2"}]`,
		`body.line | captures("(?<code>\\d{3}) ") | get("code")`:   `"404"`,
	} {
		got := evaluated(t, source, body, nil)
		if got != want && !(want == "invalid" && strings.HasPrefix(got, "invalid")) {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
	const long = `all(1..100000, captures(body.long, "(?<a>(a|aa|aaa)*)$") != nil)`
	v, err := expression.Value(long, &expression.Limits{Work: 20})
	if err != nil {
		t.Fatal(err)
	}
	if got := result(t, v, long, body, nil); !strings.Contains(got, "million steps") {
		t.Errorf("%s = %s", long, got)
	}
	for source, want := range map[string]string{
		`captures(body.line, "(")`:      "This is no regular expression: missing closing ): `(`.",
		`captures(body.line, "(a)")`:    "This pattern has no group with a name. Name what you want of it: (?<name>…).",
		`captures(body.line)`:           `Not enough arguments to call captures.`,
		`captures(body.line, 5)`:        `"captures" takes text here, and not a number.`,
		`capture(body.line, "(?<a>b)")`: `There is no function "capture". Did you mean "captures"?`,
		`hello world`:                   `"world" does not fit here. If it is text, put quotes inside the quotes: "'hello world'".`,
		`Hello, world!`:                 `"," does not fit here. If it is text, put quotes inside the quotes: "'Hello, world!'".`,
		`greeting`:                      `There is no name "greeting". If it is text, put quotes inside the quotes: "'greeting'".`,
		`12 monkeys`:                    `"monkeys" does not fit here. If it is text, put quotes inside the quotes: "'12 monkeys'".`,
		`it's here`:                     `This text has no closing quote. If it is text, put quotes inside the quotes: "\"it's here\"".`,
		`done.`:                         `The expression ends too early. If it is text, put quotes inside the quotes: "'done.'".`,
		`<b>x</b>`:                      `"<" does not fit here. If it is text, put quotes inside the quotes: "'<b>x</b>'".`,
		`http://a.b/c?d=e`:              `":" does not fit here. If it is text, put quotes inside the quotes: "'http://a.b/c?d=e'".`,
		`(hello world)`:                 `"world" does not fit here. If it is text, put quotes inside the quotes: "'(hello world)'".`,
		`hello world {body.id}`:         `"world" does not fit here. Text and values are joined by +: "'hello ' + string(body.name)".`,
		`hello {{ body.id }}`:           `"{" does not fit here. Text and values are joined by +: "'hello ' + string(body.name)".`,
		`hello #{body.id}`:              `"#" does not fit here. Text and values are joined by +: "'hello ' + string(body.name)".`,
		`body.`:                         `The expression ends too early.`,
		`a.b c`:                         `"c" does not fit here.`,
		`body.a == `:                    `The expression ends too early.`,
		`'a' b`:                         `"b" does not fit here.`,
		`len(body`:                      `The expression ends too early.`,
		`bodi`:                          `There is no name "bodi". Did you mean "body"?`,
		`body.a body`:                   `"body" does not fit here.`,
		`1234567890123456.78`:           `This is no number of 64 bits. Compare longer ones as text: string(…).`,
		`captures`:                      `"captures" is a function. Call it: captures(…).`,
		"captures(body, \"(?<a>" + strings.Repeat("a{1000}", 21) + ")\")": `The expression has too many parts.`,
	} {
		if _, err := expression.Value(source); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

func encoded(t *testing.T, coding string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch coding {
	case "gzip", "x-gzip", "GZIP":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw deflate":
		w, err = flate.NewWriter(&b, 6)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	default:
		return data
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb becomes more than a body may when it is decoded. Its pieces stand for
// themselves, so that only one has to be compressed.
func bomb(t *testing.T, coding string) []byte {
	t.Helper()
	const pieces = content.MaxDecoded>>20 + 1
	mib := bytes.Repeat([]byte("x"), 1<<20)
	if coding != "deflate" {
		return bytes.Repeat(encoded(t, coding, mib), pieces)
	}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	head := 0
	for _, part := range [][]byte{nil, mib} {
		head = b.Len()
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return append(b.Bytes()[:head:head], bytes.Repeat(b.Bytes()[head:], pieces)...)
}

// A body's encoding is undone where an expression asks, and only there.
func TestEncodings(t *testing.T) {
	v, err := expression.Value(`body.a`)
	if err != nil {
		t.Fatal(err)
	}
	evaluate := func(encoding, contentType string, body []byte) (any, error) {
		m := eip.New(body, nil).With(func(m *eip.Message) { m.Encoding, m.ContentType = encoding, contentType })
		got, err := v(t.Context(), m)
		if !bytes.Equal(m.Body(), body) {
			t.Errorf("%s: the body was changed", encoding)
		}
		return got, err
	}
	for _, contentType := range []string{"", "application/json"} {
		for _, coding := range []string{"gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "zstd", "identity", "utf-8", ""} {
			got, err := evaluate(strings.TrimPrefix(coding, "raw "), contentType, encoded(t, coding, []byte(`{"a":1.0}`)))
			if err != nil || got == nil {
				t.Errorf("%s: %v, %v", coding, got, err)
			}
		}
		got, err := evaluate("gzip, zstd", contentType, encoded(t, "zstd", encoded(t, "gzip", []byte(`{"a":1}`))))
		if got != 1 || err != nil {
			t.Errorf("two: %v, %v", got, err)
		}
	}
	for _, coding := range []string{"gzip", "deflate", "zstd"} {
		whole := encoded(t, coding, []byte(`{"a":"some text that is long enough to be cut"}`))
		for name, body := range map[string][]byte{"bomb": bomb(t, coding), "cut": whole[:len(whole)-8], "no": []byte(`{"a":1}`), "empty": {}} {
			if got, err := evaluate(coding, "application/json", body); !eip.IsInvalid(err) || !strings.Contains(err.Error(), "decode body from "+coding) && name != "empty" {
				t.Errorf("%s, %s: %v, %v", coding, name, got, err)
			}
		}
	}
	if _, err := evaluate(strings.Repeat("gzip,", 1000), "", []byte("x")); !eip.IsInvalid(err) || !strings.Contains(err.Error(), "1001 content encodings") {
		t.Errorf("many: %v", err)
	}
}
