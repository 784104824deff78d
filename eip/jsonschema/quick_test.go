package jsonschema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/content"
)

func checkerOf(t testing.TB, schema string) *checker {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(path, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := readFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChecker(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// knows reports whether a value is known to fit without the library, and whether it fits.
func knows(t testing.TB, c *checker, body string) (quickly, fits bool) {
	t.Helper()
	v, err := content.DecodeJSON([]byte(body))
	if err != nil {
		return false, false
	}
	c.ctx, c.steps = t.Context(), stepsOnce
	quickly = c.quick != nil && c.quick.fits(c, v, 0)
	c.steps = stepsOnce
	return quickly, c.valid.Validate(v) == nil
}

// What fits is known to, for the keywords that most schemas have; each of these is heeded.
func TestQuick(t *testing.T) {
	for schema, bodies := range map[string]struct{ known, fit, wrong string }{
		`{"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^a"}`:                            {`"ab" "aé"`, ``, `"a" "abcd" "bb" 1 null`},
		`{"type": "integer", "minimum": 1, "maximum": 10}`:                                               {`1 10 5`, `1.0 1e1`, `0 11 1.5 "1"`},
		`{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}`:                               {`0.5 0.10 1e-3 0.00000000000000000000000001`, `0.99999999999999999999999999`, `0 1 1.0 0.0 -1 2 1e400`},
		`{"minimum": 0.1, "maximum": 0.3}`:                                                               {`0.2 0.11 "x" [] null`, `0.1 0.3`, `0.09 0.31 1 0 0.30000000000000000001`},
		`{"minimum": 9007199254740993}`:                                                                  {`9007199254740993 9007199254740994`, ``, `9007199254740992 9007199254740992.5`},
		`{"minimum": 1e400}`:                                                                             {``, `1e401`, `1 1e399`},
		`{"type": ["object", "null"], "required": ["a"], "maxProperties": 2}`:                            {`{"a":1} null`, ``, `{} {"a":1,"b":2,"c":3} 1`},
		`{"properties": {"a": {"type": "boolean"}}, "minProperties": 1}`:                                 {`{"a":true} {"b":1}`, ``, `{"a":1} {}`},
		`{"properties": {"a": true}, "additionalProperties": false}`:                                     {`{"a":1} {}`, ``, `{"b":1}`},
		`{"properties": {"a": false}, "additionalProperties": {"type": "null"}}`:                         {`{"b":null}`, ``, `{"a":1} {"b":1}`},
		`{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}`:                  {`[1] [1,2]`, `[1.0]`, `[] [1,2,3] ["a"]`},
		`{"enum": ["a", 1, null, true, [2]]}`:                                                            {`"a" 1 null true`, `1.0 [2]`, `"b" 2 false`},
		`{"const": {"a": 1}}`:                                                                            {``, `{"a":1}`, `{"a":2} 1`},
		`{"const": 1, "enum": [1, 2]}`:                                                                   {``, `1`, `2`},
		`{"allOf": [{"minimum": 1}, {"maximum": 2}]}`:                                                    {`1 2`, ``, `0 3`},
		`{"anyOf": [{"minimum": 5}, {"type": "string"}]}`:                                                {`5 "a"`, ``, `4`},
		`{"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n", "minimum": 1}`:                       {`1`, ``, `0 "a"`},
		`{"properties": {"next": {"$ref": "#"}}, "type": "object"}`:                                      {`{"next":{"next":{}}}`, ``, `{"next":1}`},
		`{"$schema": "http://json-schema.org/draft-07/schema#", "format": "date"}`:                       {`"2026-01-01" 1`, ``, `"today"`},
		`{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}`:            {``, `[null, 1]`, `[1]`},
		`{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true}`: {`2`, ``, `1`},
		`{"not": {"type": "string"}}`:                                                                    {``, `1`, `"a"`},
		`{"oneOf": [{"minimum": 1}, {"minimum": 2}]}`:                                                    {``, `1`, `2 0`},
		`{"uniqueItems": true}`:                                                                          {``, `[1,2]`, `[1,1]`},
		`{"multipleOf": 2}`:                                                                              {``, `4`, `3`},
		`{"patternProperties": {"^a": {"type": "null"}}}`:                                                {``, `{"a":null}`, `{"ab":1}`},
		`{"properties": {"a": {"if": {"const": 1}, "else": false}}}`:                                     {``, `{"a":1}`, `{"a":2}`},
		`{"unevaluatedProperties": false, "properties": {"a": true}}`:                                    {``, `{"a":1}`, `{"b":1}`},
		`{"propertyNames": {"maxLength": 1}}`:                                                            {``, `{"a":1}`, `{"ab":1}`},
		`{"dependentRequired": {"a": ["b"]}}`:                                                            {``, `{"b":1}`, `{"a":1}`},
		`{"prefixItems": [{"type": "null"}], "items": {"type": "integer"}}`:                              {``, `[null,1]`, `[1] [null,"a"]`},
		`{"contains": {"type": "null"}}`:                                                                 {``, `[null]`, `[1]`},
		`true`:                                                                                           {`1 null`, ``, ``},
		`false`:                                                                                          {``, ``, `1 null`},
	} {
		c := checkerOf(t, schema)
		for _, of := range []struct {
			bodies        string
			quickly, fits bool
		}{{bodies.known, true, true}, {bodies.fit, false, true}, {bodies.wrong, false, false}} {
			for _, body := range fields(of.bodies) {
				if quickly, fits := knows(t, c, body); quickly != of.quickly || fits != of.fits {
					t.Errorf("%s: %s: known %v, fits %v", schema, body, quickly, fits)
				}
			}
		}
	}
}

// fields splits at blanks that are in no list.
func fields(text string) (all []string) {
	for _, f := range strings.Fields(text) {
		if n := len(all) - 1; n >= 0 && strings.Count(all[n], "[") > strings.Count(all[n], "]") {
			all[n] += f
			continue
		}
		all = append(all, f)
	}
	return all
}

// A schema that leads to itself, and to nothing else, ends.
func TestQuick_Ends(t *testing.T) {
	c := checkerOf(t, `{"$ref": "#"}`)
	if quickly, _ := knows(t, c, "1"); quickly {
		t.Error("a schema without end is fitted")
	}
	c = checkerOf(t, `{"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}}}}`)
	v, err := content.DecodeJSON([]byte(strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(t.Context(), v); err != errSteps {
		t.Errorf("%v, want that it takes too many steps", err)
	}
}

// Nothing is known to fit that the library finds wrong.
func FuzzQuick(f *testing.F) {
	f.Add(`{"type": "object", "properties": {"a": {"minimum": 0.1}}, "required": ["a"]}`, `{"a": 0.1}`)
	f.Add(`{"items": {"enum": [1, "a"]}, "maxItems": 3}`, `[1, "a", 1.0]`)
	f.Add(`{"anyOf": [{"type": "string", "maxLength": 1}, {"exclusiveMaximum": 3}]}`, `2.9999999999999999999`)
	f.Add(`{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true}`, `3`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, schema, body string) {
		path := filepath.Join(dir, "s.json")
		if err := os.WriteFile(path, []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := readFiles(path)
		if err != nil {
			return
		}
		c, err := newChecker(files)
		if err != nil {
			return
		}
		if quickly, fits := knows(t, c, body); quickly && !fits {
			t.Errorf("%s is said to fit %s", body, schema)
		}
	})
}
