package jsonschema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/jsonschema"
)

// Some of the required parts of JSON Schema's own test suite, of the drafts 7 and 2020-12.
// What refers to its server on the network is left out.
func TestSuite(t *testing.T) {
	files, _ := filepath.Glob("testdata/suite/*/*.json")
	if len(files) < 20 {
		t.Fatalf("found %d files", len(files))
	}
	for _, file := range files {
		draft := map[string]string{"draft7": "http://json-schema.org/draft-07/schema#"}[filepath.Base(filepath.Dir(file))]
		for _, c := range readSuite(t, file) {
			s, err := loadIn(t, map[string]string{"order.json": c.text(draft)})
			if err != nil {
				if strings.Contains(string(c.Schema), "http://localhost:1234") {
					continue
				}
				t.Errorf("%s: %s: %v", file, c.Description, err)
				continue
			}
			for _, test := range c.Tests {
				err := s.Check(t.Context(), eip.New(test.Data, nil).With(func(m *eip.Message) { m.ContentType = "application/json" }))
				if (err == nil) != test.Valid {
					t.Errorf("%s: %s: %s: %v", file, c.Description, test.Description, err)
				}
				if err != nil && !eip.IsInvalid(err) {
					t.Errorf("%s: %s: %s: it is not the message's fault: %v", file, c.Description, test.Description, err)
				}
			}
		}
	}
}

type suite struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func readSuite(t *testing.T, file string) (all []suite) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// text is the schema, of a draft that is not the default.
func (c *suite) text(draft string) string {
	object := map[string]json.RawMessage{}
	if draft == "" || json.Unmarshal(c.Schema, &object) != nil || object["$schema"] != nil {
		return string(c.Schema)
	}
	return strings.Replace(string(c.Schema), "{", `{"$schema": "`+draft+`",`, 1)
}

// load is the schema of a text.
func load(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	s, err := loadIn(t, map[string]string{"order.json": text})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// loadIn is the schema in order.json of a folder that has some files.
func loadIn(t *testing.T, files map[string]string) (*jsonschema.Schema, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return jsonschema.Load("order", filepath.Join(dir, "order.json"))
}
