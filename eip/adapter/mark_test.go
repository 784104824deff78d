package adapter_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
)

const mark = "\ufeff"

// printed are inputs that begin with a byte order mark, and the lines in them.
var printed = map[string]struct {
	in   string
	want []string
}{
	"one line":                  {mark + "a\n", []string{"a"}},
	"without an end":            {mark + "a", []string{"a"}},
	"with a carriage return":    {mark + "a\r\nb\r\n", []string{"a", "b"}},
	"as long as may be":         {mark + "12345678\r\nb\n", []string{"12345678", "b"}},
	"an empty line":             {mark + "\na\n", []string{"", "a"}},
	"nothing else":              {mark, nil},
	"in the middle it is text":  {"a\n" + mark + "b\n", []string{"a", mark + "b"}},
	"twice, the second is text": {mark + mark + "a\n", []string{mark + "a"}},
}

// TestByteOrderMark reads each input from a file, from standard input byte for byte,
// and from a program.
func TestByteOrderMark(t *testing.T) {
	for name, c := range printed {
		t.Run(name, func(t *testing.T) {
			short := func(f *adapter.File) { f.MaxBody = 8 }
			path, env := put(t, "in.txt", c.in), eiptest.AdapterEnv()
			if got := readOut(t, file(path, short), env); !slices.Equal(got, c.want) {
				t.Errorf("file: %q, want %q", got, c.want)
			}
			if got := readOut(t, file(path, short), env); got != nil {
				t.Errorf("file, again: %q", got)
			}
			env.Stdin = iotest.OneByteReader(strings.NewReader(c.in))
			in := adapter.NewStdio()
			in.MaxBody = 8
			if got := readOut(t, in, env); !slices.Equal(got, c.want) {
				t.Errorf("stdio: %q, want %q", got, c.want)
			}
			if len(c.want) == 0 {
				return
			}
			program := adapter.NewExec()
			program.Command, program.MaxBody = []string{"sh", "-c", `printf %s "$1"; sleep 60`, "sh", c.in + "\n"}, 8
			if strings.HasSuffix(c.in, "\n") {
				program.Command[4] = c.in
			}
			s := openSource(t, program, env)
			defer closeIt(t, s)
			expect(t, s, c.want...)
		})
	}
}

// TestUTF16 says once that an input is in UTF-16.
func TestUTF16(t *testing.T) {
	for name, in := range map[string]string{
		"little endian": "\xff\xfea\x00\n\x00b\x00\n\x00",
		"big endian":    "\xfe\xff\x00a\x00\n\x00b\x00\n",
		"one line":      "\xff\xfea\x00",
	} {
		t.Run(name, func(t *testing.T) {
			path := put(t, "in.txt", in)
			env := eiptest.AdapterEnv()
			log := logTo(env)
			s := openSource(t, file(path, nil), env)
			if m, err := s.Receive(t.Context()); m != nil || err == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("file: %v, %v", m, err)
			}
			closeIt(t, s)
			others := strings.TrimSuffix(path, "in.txt")
			write(t, others+"other.txt", "other\n")
			if got := readOut(t, file(others+"*.txt", nil), env); !slices.Equal(got, []string{"other"}) || strings.Count(log.String(), "mark of UTF-16") != 1 {
				t.Errorf("files: %q, logged %s", got, log)
			}
			write(t, path, "converted\n")
			if got := readOut(t, file(path, nil), env); !slices.Equal(got, []string{"converted"}) {
				t.Errorf("file, converted: %q", got)
			}
			env.Stdin = strings.NewReader(in)
			s = openSource(t, adapter.NewStdio(), env)
			defer closeIt(t, s)
			m, err := s.Receive(t.Context())
			if !eip.IsInvalid(err) || m == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Fatalf("stdio: %v, %v", m, err)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
			if m, err = s.Receive(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("stdio, then: %v, %v", m, err)
			}
		})
	}
}

// A followed file that is converted in place is read.
func TestUTF16_ConvertedInPlace(t *testing.T) {
	follows(t, "", func(f *following) {
		closeIt(f.T, f.s)
		log := logTo(f.env)
		f.s = openSource(f.T, file(f.path+"*", follow), f.env)
		write(f.T, f.path, "\xff\xfea\x00\n\x00")
		f.nothing()
		if strings.Count(log.String(), "mark of UTF-16") != 1 {
			f.Errorf("logged %s", log)
		}
		write(f.T, f.path, "a longer text\n")
		f.expect("a longer text")
	})
}
