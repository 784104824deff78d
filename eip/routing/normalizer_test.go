package routing_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/jsonschema"
	"github.com/eipd/eipd/eip/routing"
)

func textSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	path := filepath.Join(t.TempDir(), "short.json")
	if err := os.WriteFile(path, []byte(`{"type": "string", "maxLength": 3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := jsonschema.Load("short", path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// quoting makes JSON text of a body.
func quoting(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m.WithBody([]byte(`"`+string(m.Body())+`"`)).With(func(m *eip.Message) { m.ContentType = "application/json" }))
}

func twice(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return errors.Join(next.Handle(ctx, m), next.Handle(ctx, m))
}

func form(label, body string, stages ...eip.StageFunc) *routing.When {
	w := &routing.When{Label: label, If: eip.LiveOf(is(body))}
	for _, s := range stages {
		w.Body.Stages = append(w.Body.Stages, s)
	}
	return w
}

func TestNormalizer_KeepsTheContract(t *testing.T) {
	short := textSchema(t)
	of := func(schema *jsonschema.Schema, forms ...func() *routing.When) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			n := routing.NewNormalizer()
			n.Schema.Schema = schema
			for _, f := range forms {
				n.Format = append(n.Format, f())
			}
			return n
		}
	}
	a := func(s ...eip.StageFunc) func() *routing.When {
		return func() *routing.When { return form("a", "a", s...) }
	}
	inputs := []*eip.Message{eiptest.Message("a")}
	for name, c := range map[string]eiptest.StageCase{
		"translates":         {New: of(nil, a(quoting))},
		"the common form":    {New: of(nil, a())},
		"into a schema":      {New: of(short, a(quoting))},
		"none fits":          {New: of(nil, func() *routing.When { return form("b", "b", quoting) }), Outcome: eiptest.Rejects},
		"cannot tell":        {New: of(nil, func() *routing.When { return &routing.When{Label: "a", If: eip.LiveOf[eip.Predicate](fails)} }), Outcome: eiptest.Rejects},
		"not into a schema":  {New: of(short, a(quoting, quoting)), Outcome: eiptest.Rejects},
		"two for a schema":   {New: of(short, a(quoting, twice)), Outcome: eiptest.Rejects},
		"dropped":            {New: of(short, a(func(_ context.Context, m *eip.Message, _ eip.Handler) error { m.Drop(); return nil })), Outcome: eiptest.Drops},
		"fails in the form":  {New: of(short, a(func(context.Context, *eip.Message, eip.Handler) error { return errAway })), Outcome: eiptest.Fails},
		"panics in the form": {New: of(short, a(func(context.Context, *eip.Message, eip.Handler) error { panic("!") })), Outcome: eiptest.Fails},
	} {
		c.Inputs = inputs
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestNormalizer_FirstFormTranslates(t *testing.T) {
	n := routing.NewNormalizer()
	n.Format = []*routing.When{form("a", "a", quoting), {Label: "any", If: eip.LiveOf(always(true))}}
	n.Schema.Schema = textSchema(t)
	var got []string
	for _, body := range []string{"a", `"b"`, "1"} {
		passed, err := eiptest.Process(t.Context(), n, eiptest.Message(body))
		for _, m := range passed {
			got = append(got, string(m.Body()))
		}
		if (body == "1") != eip.IsInvalid(err) || err != nil && !strings.HasPrefix(err.Error(), `format "any": the body does not fit schema short: `) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if strings.Join(got, " ") != `"a" "b"` {
		t.Error(got)
	}
	if want := map[string]int64{"a": 1, "any": 2}; !maps.Equal(n.Stats().Counts, want) {
		t.Error(n.Stats().Counts)
	}
	n.Format = n.Format[:1]
	if _, err := eiptest.Process(t.Context(), n, eiptest.Message("c")); !eip.IsInvalid(err) || !strings.Contains(err.Error(), `"a" are false`) {
		t.Error(err)
	}
}

func TestNormalizer_Validate(t *testing.T) {
	short := textSchema(t)
	for name, c := range map[string]struct {
		forms  []*routing.When
		schema *jsonschema.Schema
		says   string
	}{
		"none":             {says: "there is none"},
		"no name":          {forms: []*routing.When{form("", "a")}, says: "no name"},
		"twice":            {forms: []*routing.When{form("a", "a"), form("a", "b")}, says: "is taken"},
		"no if":            {forms: []*routing.When{{Label: "a"}}, says: "no expression"},
		"leaves unchecked": {forms: []*routing.When{{Label: "a", Format: "v1", Body: eip.Pipe{To: eip.Discard}}}, schema: short, says: "`to`"},
		"splits unchecked": {forms: []*routing.When{{Label: "a", Format: "v1", Body: eip.Pipe{Stages: []eip.Stage{routing.NewSplitter()}}}}, schema: short, says: "a stage makes messages"},
		"leaves":           {forms: []*routing.When{{Label: "a", Format: "v1", Body: eip.Pipe{To: eip.Discard}}}},
		"splits":           {forms: []*routing.When{{Label: "a", Format: "v1", Body: eip.Pipe{Stages: []eip.Stage{routing.NewSplitter()}}}}},
	} {
		n := &routing.Normalizer{Format: c.forms}
		n.Schema.Schema = c.schema
		err := n.Validate()
		if c.says == "" && err != nil || c.says != "" && (optionOf(err) != "format" || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
