package transform_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func contentFilter(set func(*transform.ContentFilter)) func(eip.Handler) eip.Stage {
	return func(eip.Handler) eip.Stage {
		f := transform.NewContentFilter()
		set(f)
		return f
	}
}

func TestContentFilter_KeepsTheContract(t *testing.T) {
	keep := contentFilter(func(f *transform.ContentFilter) { f.Keep, f.Headers = []string{"total"}, []string{"a"} })
	eiptest.Stage(t, eiptest.StageCase{New: keep})
	eiptest.Stage(t, eiptest.StageCase{New: contentFilter(func(f *transform.ContentFilter) { f.Remove = []string{"items"} })})
	eiptest.Stage(t, eiptest.StageCase{New: keep, Outcome: eiptest.Rejects, Inputs: []*eip.Message{eiptest.Message(`{"total":`), eiptest.Message(`7`)}})
}

// filtered is what becomes of m.
func filtered(t *testing.T, set func(*transform.ContentFilter), m *eip.Message) (out *eip.Message, err error) {
	t.Helper()
	f := contentFilter(set)(nil).(*transform.ContentFilter)
	if err := errors.Join(f.Validate(), f.Open(t.Context(), &eip.Env{})); err != nil {
		t.Fatal(err)
	}
	err = f.Process(t.Context(), m, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		out = m
		return nil
	}))
	return out, err
}

func TestContentFilter(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, `{"a": 1, "b": 2}`)
	z.Close()
	keep := func(f *transform.ContentFilter) { f.Keep, f.Headers = []string{"body.a"}, []string{"mine"} }
	remove := func(f *transform.ContentFilter) { f.Remove, f.Headers = []string{"a"}, []string{"mine"} }
	for name, c := range map[string]struct {
		set               func(*transform.ContentFilter)
		body              string
		contentType, code string
		want, wantCode    string
		headers           string
	}{
		"keep":              {keep, `{"a": 1, "b": 2}`, "application/json", "", `{"a": 1}`, "", "[eip-group mine]"},
		"remove":            {remove, `{"a": 1, "b": 2}`, "", "", `{"b": 2}`, "", "[eip-group other]"},
		"packed":            {keep, zipped.String(), "application/json", "gzip", `{"a": 1}`, "", "[eip-group mine]"},
		"packed, all stays": {func(f *transform.ContentFilter) { f.Remove = []string{"x"} }, zipped.String(), "", "gzip", zipped.String(), "gzip", "[eip-group mine other]"},
		"text":              {remove, `{"a": 1}`, "text/plain", "", "", "", ""},
		"a picture":         {remove, `{"a": 1}`, "image/png", "", "", "", ""},
		"no JSON":           {remove, `{"a": 1`, "", "", "", "", ""},
		"a scalar":          {remove, `"a"`, "", "", `"a"`, "", "[eip-group other]"},
		"a scalar to keep":  {keep, `"a"`, "", "", "", "", ""},
	} {
		m := eip.New([]byte(c.body), nil).WithHeaders(eip.Headers{"mine": 1, "other": 2, "eip-group": "g"}).With(func(m *eip.Message) {
			m.ID, m.ContentType, m.Encoding = "7", c.contentType, c.code
		})
		out, err := filtered(t, c.set, m)
		switch {
		case c.want == "":
			if !eip.IsInvalid(err) || out != nil {
				t.Errorf("%s: %v, %v", name, out, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case string(out.Body()) != c.want || out.Encoding != c.wantCode || out.ContentType != c.contentType || out.ID != "7":
			t.Errorf("%s: %q, %q", name, out.Body(), out.Encoding)
		case fmt.Sprint(slices.Sorted(maps.Keys(out.Headers))) != c.headers:
			t.Errorf("%s: headers %v", name, out.Headers)
		}
		if len(m.Headers) != 3 {
			t.Errorf("%s: the message itself has changed", name)
		}
	}
}

func TestContentFilter_Validate(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*transform.ContentFilter)
		option string
	}{
		"nothing":      {func(*transform.ContentFilter) {}, "keep"},
		"headers only": {func(f *transform.ContentFilter) { f.Headers = []string{"a"} }, "keep"},
		"both":         {func(f *transform.ContentFilter) { f.Keep, f.Remove = []string{"a"}, []string{"b"} }, "remove"},
		"an empty key": {func(f *transform.ContentFilter) { f.Keep = []string{"a..b"} }, "keep"},
		"no key":       {func(f *transform.ContentFilter) { f.Remove = []string{"body."} }, "remove"},
	} {
		f := transform.NewContentFilter()
		c.set(f)
		var wrong *eip.OptionError
		if err := f.Validate(); !errors.As(err, &wrong) || wrong.Option != c.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}
