package stdio_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/adapter/stdio"
	"github.com/eipd/eipd/eip/eiptest"
)

// TestByteOrderMark reads each input byte for byte.
func TestByteOrderMark(t *testing.T) {
	for name, c := range adaptertest.Marked {
		t.Run(name, func(t *testing.T) {
			a, env := stdio.New(), eiptest.AdapterEnv()
			a.MaxBody, env.Stdin = 8, iotest.OneByteReader(strings.NewReader(c.In))
			if got := adaptertest.ReadOut(t, a, env); !slices.Equal(got, c.Want) {
				t.Errorf("%q, want %q", got, c.Want)
			}
		})
	}
}

// TestUTF16 says once that the input is in UTF-16.
func TestUTF16(t *testing.T) {
	for name, in := range adaptertest.UTF16 {
		t.Run(name, func(t *testing.T) {
			env := eiptest.AdapterEnv()
			env.Stdin = strings.NewReader(in)
			s := adaptertest.OpenSource(t, stdio.New(), env)
			defer adaptertest.Close(t, s)
			m, err := s.Receive(t.Context())
			if !eip.IsInvalid(err) || m == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Fatalf("%v, %v", m, err)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
			if m, err = s.Receive(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("then: %v, %v", m, err)
			}
		})
	}
}
