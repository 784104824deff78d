package stdio_test

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/adapter/stdio"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestStdio_Lines(t *testing.T) {
	large := strings.Repeat("x", 200_000)
	tests := map[string]struct {
		in   string
		want []string
	}{
		"nothing":          {"", nil},
		"one":              {"a\n", []string{"a"}},
		"no newline last":  {"a\nb", []string{"a", "b"}},
		"empty":            {"\n\na\n\n", []string{"", "", "a", ""}},
		"crlf":             {"a\r\nb\r\n\r\n", []string{"a", "b", ""}},
		"cr is no line":    {"a\rb\n\rc\n", []string{"a\rb", "\rc"}},
		"cr at the end":    {"a\r", []string{"a\r"}},
		"bytes":            {"\x00\xff\n\xfe\n", []string{"\x00\xff", "\xfe"}},
		"larger than read": {large + "\n" + large + "\r\nz\n", []string{large, large, "z"}},
	}
	for name, tt := range tests {
		for reading, in := range map[string]io.Reader{
			"at once":     strings.NewReader(tt.in),
			"in halves":   iotest.HalfReader(strings.NewReader(tt.in)),
			"with errors": iotest.DataErrReader(strings.NewReader(tt.in)),
		} {
			t.Run(name+" "+reading, func(t *testing.T) {
				env := eiptest.AdapterEnv()
				env.Stdin = in
				if got := adaptertest.ReadOut(t, stdio.New(), env); !slices.Equal(got, tt.want) {
					t.Errorf("got %.99q, want %.99q", got, tt.want)
				}
			})
		}
	}
}

// A line that is too long is an invalid message of its beginning, and the next
// line is not harmed.
func TestStdio_TooLong(t *testing.T) {
	tests := map[string]struct {
		in      string
		want    []string
		invalid []bool
	}{
		"longest":         {"12345\n", []string{"12345"}, []bool{false}},
		"longest, crlf":   {"12345\r\n", []string{"12345"}, []bool{false}},
		"one more":        {"123456\nok\n", []string{"12345", "ok"}, []bool{true, false}},
		"one more, crlf":  {"123456\r\nok\n", []string{"12345", "ok"}, []bool{true, false}},
		"cr before":       {"12345\r6\nok\n", []string{"12345", "ok"}, []bool{true, false}},
		"no end":          {"123456", []string{"12345"}, []bool{true}},
		"no end, longest": {"12345", []string{"12345"}, []bool{false}},
		"very long":       {strings.Repeat("1", 300_000) + "\nok\n", []string{"11111", "ok"}, []bool{true, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, env := stdio.New(), eiptest.AdapterEnv()
			a.MaxBody, env.Stdin = 5, strings.NewReader(tt.in)
			s := adaptertest.OpenSource(t, a, env)
			defer adaptertest.Close(t, s)
			for i, want := range tt.want {
				m, err := s.Receive(t.Context())
				if string(m.Body()) != want || eip.IsInvalid(err) != tt.invalid[i] {
					t.Errorf("message %d is %q, %v; want %q, invalid %v", i+1, m.Body(), err, want, tt.invalid[i])
				}
			}
			if more := adaptertest.Rest(t, s); more != nil {
				t.Errorf("%d messages too many", len(more))
			}
		})
	}
}

func TestStdio_WholeTooLong(t *testing.T) {
	a, env := stdio.New(), eiptest.AdapterEnv()
	in := strings.NewReader("123456789")
	a.MaxBody, a.Format, env.Stdin = 5, adapter.Whole, in
	s := adaptertest.OpenSource(t, a, env)
	defer adaptertest.Close(t, s)
	m, err := s.Receive(t.Context())
	if string(m.Body()) != "12345" || !eip.IsInvalid(err) || in.Len() > 0 {
		t.Errorf("got %q, %v, %d bytes unread", m.Body(), err, in.Len())
	}
}

func TestStdio_ReadFails(t *testing.T) {
	for _, format := range []adapter.Format{adapter.Lines, adapter.Whole} {
		a, env := stdio.New(), eiptest.AdapterEnv()
		broken := errors.New("device is gone")
		a.Format, env.Stdin = format, iotest.ErrReader(broken)
		s := adaptertest.OpenSource(t, a, env)
		if _, err := s.Receive(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%s: receive: %v", format, err)
		}
		adaptertest.Close(t, s)
	}
}

// Flows that read the same input compete: each line goes to one of them.
func TestStdio_SourcesCompete(t *testing.T) {
	env := eiptest.AdapterEnv()
	env.Stdin = strings.NewReader(strings.Repeat("line\n", 10_000))
	var all eiptest.Recorder
	var wait sync.WaitGroup
	for range 3 {
		s := adaptertest.OpenSource(t, stdio.New(), env)
		defer adaptertest.Close(t, s)
		wait.Go(func() {
			if err := (&eip.Flow{Name: "f", Source: s, To: &all}).Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	ids := map[string]bool{}
	for _, m := range all.Messages() {
		ids[m.ID] = true
	}
	if n := len(all.Messages()); n != 10_000 || len(ids) != n {
		t.Errorf("%d messages with %d IDs, want 10000", n, len(ids))
	}
	other := stdio.New()
	other.Format = adapter.Whole
	one := adaptertest.OpenSource(t, stdio.New(), env)
	defer adaptertest.Close(t, one)
	if _, err := other.OpenSource(t.Context(), env); err == nil {
		t.Error("one input was opened as lines and as a whole")
	}
}

// What was read ahead is there for the next flow.
func TestStdio_GoesOnWhenOpenedAgain(t *testing.T) {
	env := eiptest.AdapterEnv()
	env.Stdin = strings.NewReader("1\n2\n3\n4\n")
	s := adaptertest.OpenSource(t, stdio.New(), env)
	adaptertest.Expect(t, s, "1")
	m, err := s.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	adaptertest.Close(t, s)
	eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("stopped") }), m)
	got := adaptertest.ReadOut(t, stdio.New(), env)
	slices.Sort(got)
	if want := []string{"2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Input is read when somebody waits for it, and no further.
func TestStdio_ReadsWhenAsked(t *testing.T) {
	env, in := eiptest.AdapterEnv(), &counting{}
	env.Stdin = in
	s := adaptertest.OpenSource(t, stdio.New(), env)
	for n := range 5 {
		if in.lines != n {
			t.Errorf("%d lines were read when %d were taken", in.lines, n)
		}
		adaptertest.Expect(t, s, "line")
	}
	adaptertest.Close(t, s)
}

// counting gives a line at each read.
type counting struct{ lines int }

func (r *counting) Read(p []byte) (int, error) {
	r.lines++
	return copy(p, "line\n"), nil
}

func TestStdio_ContentType(t *testing.T) {
	a, env := stdio.New(), eiptest.AdapterEnv()
	a.ContentType, env.Stdin = "text/csv", strings.NewReader("a,b\n")
	s := adaptertest.OpenSource(t, a, env)
	defer adaptertest.Close(t, s)
	if m := adaptertest.Receive(t, s, 1)[0]; m.ContentType != "text/csv" {
		t.Errorf("content type %q", m.ContentType)
	}
}

func TestStdio_Writes(t *testing.T) {
	tests := map[string]struct {
		body, contentType string
		want              string // "" is invalid
		whole             string
	}{
		"text":             {"a b", "", "a b\n", "a b"},
		"empty":            {"", "", "\n", ""},
		"newline last":     {"a\n", "text/plain", "a\n", "a\n"},
		"crlf last":        {"a\r\n", "", "a\n", "a\r\n"},
		"two newlines":     {"a\n\n", "", "", "a\n\n"},
		"text of lines":    {"a\nb", "text/plain", "", "a\nb"},
		"JSON as it is":    {`{ "a" : 1.00 }`, "application/json", "{ \"a\" : 1.00 }\n", `{ "a" : 1.00 }`},
		"JSON of lines":    {"{\n \"a\": 1.00,\n \"b\": \"<\\n\"}\n", "application/json", "{\"a\":1.00,\"b\":\"<\\n\"}\n", "{\n \"a\": 1.00,\n \"b\": \"<\\n\"}\n"},
		"JSON unstated":    {"[1,\n2]", "", "[1,2]\n", "[1,\n2]"},
		"JSON by suffix":   {"[1,\n2]", "application/geo+json", "[1,2]\n", "[1,\n2]"},
		"JSON broken":      {"[1,\n2", "application/json", "", "[1,\n2"},
		"JSON called text": {"[1,\n2]", "text/plain", "", "[1,\n2]"},
		"bytes":            {"\xff\x00", "", "\xff\x00\n", "\xff\x00"},
	}
	for name, tt := range tests {
		for format, want := range map[adapter.Format]string{adapter.Lines: tt.want, adapter.Whole: tt.whole} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				a, env, out := stdio.New(), eiptest.AdapterEnv(), &adaptertest.Buffer{}
				a.Format, env.Stdout = format, out
				s := adaptertest.OpenSink(t, a, env)
				defer adaptertest.Close(t, s)
				m := eiptest.Message(tt.body).With(func(m *eip.Message) { m.ContentType = tt.contentType })
				err := adaptertest.Send(t, s, m)
				if invalid := format == adapter.Lines && want == ""; eip.IsInvalid(err) != invalid || !invalid && err != nil {
					t.Errorf("settled with %v", err)
				}
				if out.String() != want {
					t.Errorf("wrote %q, want %q", out.String(), want)
				}
			})
		}
	}
}

// Several flows may write to one output: no line is torn.
func TestStdio_SinksShare(t *testing.T) {
	env, out := eiptest.AdapterEnv(), &adaptertest.Buffer{}
	env.Stdout = &unguarded{out}
	var wait sync.WaitGroup
	for _, letter := range []string{"a", "b"} {
		s := adaptertest.OpenSink(t, stdio.New(), env)
		wait.Go(func() {
			for range 2000 {
				eip.Deliver(t.Context(), s, eiptest.Message(strings.Repeat(letter, 30)))
			}
			adaptertest.Close(t, s)
		})
	}
	wait.Wait()
	lines := adaptertest.Cut(out.String())
	for _, l := range lines {
		if l != strings.Repeat("a", 30) && l != strings.Repeat("b", 30) {
			t.Fatalf("a line is torn: %q", l)
		}
	}
	if len(lines) != 4000 {
		t.Errorf("%d lines, want 4000", len(lines))
	}
}

// unguarded writes by small pieces, which those of others could get between.
type unguarded struct{ io.Writer }

func (w *unguarded) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := w.Writer.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestStdio_NoStreams(t *testing.T) {
	if _, err := stdio.New().OpenSource(t.Context(), eiptest.AdapterEnv()); err == nil {
		t.Error("opened no input")
	}
	if _, err := stdio.New().OpenSink(t.Context(), eiptest.AdapterEnv()); err == nil {
		t.Error("opened no output")
	}
}

func TestStdio_Validate(t *testing.T) {
	a := stdio.New()
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
	a.Format = "csv"
	if got := adaptertest.Blames(a.Validate()); got != "format" {
		t.Errorf("blames %q", got)
	}
	a = stdio.New()
	a.MaxBody = 0
	if got := adaptertest.Blames(a.Validate()); got != "max_body" {
		t.Errorf("blames %q", got)
	}
}

// A reader that has gone away does not come back: nothing is gained by trying.
func TestStdio_ReaderGone(t *testing.T) {
	env := eiptest.AdapterEnv()
	r, w := io.Pipe()
	_ = r.CloseWithError(&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE})
	env.Stdout = w
	s := adaptertest.OpenSink(t, stdio.New(), env)
	defer adaptertest.Close(t, s)
	if err := eip.Await(t.Context(), s, eiptest.Message("x")); !eip.IsPermanent(err) || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the message failed with %v", err)
	}
}
