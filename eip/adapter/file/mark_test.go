package file_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestByteOrderMark(t *testing.T) {
	for name, c := range adaptertest.Marked {
		t.Run(name, func(t *testing.T) {
			short := func(f *file.Adapter) { f.MaxBody = 8 }
			path, env := adaptertest.Put(t, "in.txt", c.In), eiptest.AdapterEnv()
			if got := adaptertest.ReadOut(t, at(path, short), env); !slices.Equal(got, c.Want) {
				t.Errorf("%q, want %q", got, c.Want)
			}
			if got := adaptertest.ReadOut(t, at(path, short), env); got != nil {
				t.Errorf("again: %q", got)
			}
		})
	}
}

// TestUTF16 says once that a file is in UTF-16.
func TestUTF16(t *testing.T) {
	for name, in := range adaptertest.UTF16 {
		t.Run(name, func(t *testing.T) {
			path := adaptertest.Put(t, "in.txt", in)
			env := eiptest.AdapterEnv()
			log := adaptertest.LogTo(env)
			s := adaptertest.OpenSource(t, at(path, nil), env)
			if m, err := s.Receive(t.Context()); m != nil || err == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("file: %v, %v", m, err)
			}
			adaptertest.Close(t, s)
			others := strings.TrimSuffix(path, "in.txt")
			adaptertest.Write(t, others+"other.txt", "other\n")
			if got := adaptertest.ReadOut(t, at(others+"*.txt", nil), env); !slices.Equal(got, []string{"other"}) || strings.Count(log.String(), "mark of UTF-16") != 1 {
				t.Errorf("files: %q, logged %s", got, log)
			}
			adaptertest.Write(t, path, "converted\n")
			if got := adaptertest.ReadOut(t, at(path, nil), env); !slices.Equal(got, []string{"converted"}) {
				t.Errorf("file, converted: %q", got)
			}
		})
	}
}

// A followed file that is converted in place is read.
func TestUTF16_ConvertedInPlace(t *testing.T) {
	follows(t, "", func(f *following) {
		adaptertest.Close(f.T, f.s)
		log := adaptertest.LogTo(f.env)
		f.s = adaptertest.OpenSource(f.T, at(f.path+"*", follow), f.env)
		adaptertest.Write(f.T, f.path, "\xff\xfea\x00\n\x00")
		f.nothing()
		if strings.Count(log.String(), "mark of UTF-16") != 1 {
			f.Errorf("logged %s", log)
		}
		adaptertest.Write(f.T, f.path, "a longer text\n")
		f.expect("a longer text")
	})
}
