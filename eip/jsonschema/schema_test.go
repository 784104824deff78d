package jsonschema_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/jsonschema"
)

const order = `{
	"type": "object",
	"required": ["id", "lines"],
	"additionalProperties": false,
	"properties": {
		"id": {"type": "integer", "maximum": 10000000000000000000000},
		"name": {"type": "string", "pattern": "^[a-z]+$"},
		"note": {"type": ["string", "null"], "maxLength": 3},
		"state": {"enum": ["new", "paid"]},
		"lines": {"type": "array", "minItems": 1, "items": {
			"type": "object",
			"required": ["sku", "price"],
			"properties": {"price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}}
		}},
		"pay": {"oneOf": [{"required": ["card"]}, {"required": ["iban"]}]},
		"tags": {"uniqueItems": true, "propertyNames": {"pattern": "^x-"}}
	}
}`

// All problems are listed with their places, whatever their order, and none tells a value.
func TestCheck_SaysWhere(t *testing.T) {
	s := load(t, order)
	for body, want := range map[string]string{
		`{"id": 7, "lines": [{"sku": "a", "price": 1.10}]}`: "",
		`{"id": 7}`: "body.lines is missing",
		`{"id": 7.0, "lines": [{"sku": "a", "price": 3}]}`:                                 "",
		`{"id": "7", "lines": []}`:                                                         "body.id is a string, and should be an integer; body.lines has 0 items, and should have 1 or more",
		`{"id": 7, "lines": [{"price": -1}, {"sku": "b", "price": 0.001}]}`:                "body.lines[0].price should be more than 0; body.lines[0].sku is missing; body.lines[1].price should be a multiple of 0.01",
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "x y": 1, "u": 2, "name": "SECRET"}`: `body.name does not match ^[a-z]+$; body.u is not allowed; body["x y"] is not allowed`,
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "note": 1, "state": "gone"}`:         `body.note is a number, and should be null or a string; body.state should be one of "new", "paid"`,
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "pay": {}}`:                          "body.pay fits none of the alternatives; body.pay.card is missing; body.pay.iban is missing",
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "pay": {"card": 1, "iban": 1}}`:      "body.pay fits more than one of the alternatives: 1 and 2",
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "tags": [1, 2, 1.0]}`:                "body.tags has equal items, at 0 and 2",
		`{"id": 1, "lines": [{"sku": 1, "price": 1}], "tags": {"y": 1}}`:                   `"y" is no name that is allowed`,
		`[]`:                      "body is an array, and should be an object",
		`10000000000000000000001`: "body is a number, and should be an object",
		`{"id": 10000000000000000000000, "lines": [{"sku": 1, "price": 1}]}`: "",
		`{"id": 10000000000000000000001, "lines": [{"sku": 1, "price": 1}]}`: "body.id should be 10000000000000000000000 or less",
	} {
		err := s.Check(t.Context(), message(body))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case want != "" && (err == nil || err.Error() != "the body does not fit schema order: "+want || !eip.IsInvalid(err)):
			t.Errorf("%s:\n got %v\nwant %s", body, err, want)
		}
	}
}

func message(body string) *eip.Message { return eip.New([]byte(body), nil) }

// A body that is no JSON, or says that it is none, fits no schema.
func TestCheck_WhatIsNoJSON(t *testing.T) {
	s := load(t, `{"type": "string"}`)
	for _, c := range []struct{ contentType, body, want string }{
		{"text/plain", `"hello"`, `check by schema order: the body is "text/plain", and no JSON`},
		{"application/cloudevents+json", `"hello"`, ""},
		{"", `"hello"`, ""},
		{"", `{"a": 1,}`, "check by schema order: invalid character"},
		{"", "hello", "check by schema order: invalid character"},
		{"", "\xff", "check by schema order: invalid UTF-8"},
		{"image/png", "x", `check by schema order: the body is "image/png", and no JSON`},
		{"application/json", "{", "check by schema order: decode body as application/json"},
	} {
		err := s.Check(t.Context(), message(c.body).With(func(m *eip.Message) { m.ContentType = c.contentType }))
		if (err == nil) != (c.want == "") || err != nil && (!eip.IsInvalid(err) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q as %q: %v, want %s", c.body, c.contentType, err, c.want)
		}
	}
}

// What a body may have a check do is bounded.
func TestCheck_Hostile(t *testing.T) {
	const twice = `{"oneOf": [{"properties": {"a": {"$ref": "#"}, "b": false}}, {"properties": {"a": {"$ref": "#"}, "c": false}}]}`
	numbers := load(t, `{"items": {"type": "integer", "multipleOf": 3}, "uniqueItems": true}`)
	for name, c := range map[string]struct {
		s          *jsonschema.Schema
		body, want string
	}{
		"a power of ten":        {numbers, `[1e999999]`, "more than 1000 digits"},
		"beyond all":            {numbers, `[1e99999999999999999999]`, "more than 1000 digits"},
		"a small one":           {numbers, `[1E-2000]`, "more than 1000 digits"},
		"many digits":           {numbers, "[" + strings.Repeat("9", 5000) + "]", "more than 1000 digits"},
		"deep":                  {numbers, strings.Repeat("[", 200) + strings.Repeat("]", 200), "deeper than 128"},
		"doubled by each level": {load(t, twice), strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60), "too many steps"},
		"many problems":         {numbers, "[" + strings.Repeat(`"x",`, 20_000) + `"y"]`, " more"},
		"too many to list":      {numbers, "[" + strings.Repeat(`"x",`, 300_000) + `"y"]`, "it has 300002 values"},
		"a long name":           {load(t, `{"additionalProperties": false}`), `{"` + strings.Repeat("n", 5000) + `": 1}`, "… is not allowed"},
	} {
		err := c.s.Check(t.Context(), message(c.body))
		if err == nil || !eip.IsInvalid(err) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 4<<10 {
			t.Errorf("%s: %.300v, want %s", name, err, c.want)
		}
	}
}

// A check ends with its context.
func TestCheck_Cancelled(t *testing.T) {
	s := load(t, `{"items": {"type": "integer"}}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := "[" + strings.Repeat("1,", 10_000) + "1]"
	if err := s.Check(ctx, message(body)); !errors.Is(err, context.Canceled) || eip.IsInvalid(err) {
		t.Error(err)
	}
	if err := s.Check(t.Context(), message(body)); err != nil {
		t.Error(err)
	}
}

func TestCheck_ManyAtOnce(t *testing.T) {
	s := load(t, order)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			body, want := `{"id": 7, "lines": [{"sku": "a", "price": 1}]}`, "<nil>"
			if i%2 == 0 {
				body, want = fmt.Sprintf(`{"id": 7, "n%d": 1, "lines": []}`, i), fmt.Sprintf("body.n%d is not allowed", i)
			}
			for range 20 {
				if err := s.Check(context.Background(), message(body)); !strings.Contains(fmt.Sprint(err), want) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestLoad_FilesBeside(t *testing.T) {
	files := map[string]string{
		"order.json":            `{"properties": {"who": {"$ref": "parts/customer.json"}, "at": {"$ref": "parts/customer.json#/$defs/place"}}}`,
		"parts/customer.json":   `{"properties": {"name": {"$ref": "name.json"}}, "$defs": {"place": {"type": "string"}}}`,
		"parts/name.json":       `{"type": "string"}`,
		"parts/not needed.json": `{`,
	}
	for _, id := range []string{"", "https://example.com/schemas/order.json", "urn:example:order"} {
		if id != "" {
			files["order.json"] = `{"$id": "` + id + `",` + `"properties": {"who": {"$ref": "parts/customer.json"}, "at": {"$ref": "parts/customer.json#/$defs/place"}}}`
		}
		s, err := loadIn(t, files)
		if id == "urn:example:order" {
			if err == nil {
				t.Error("a name beside a URN leads nowhere, and is read")
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", id, err)
			continue
		}
		if err := s.Check(t.Context(), message(`{"who": {"name": "a"}, "at": "b"}`)); err != nil {
			t.Error(err)
		}
		err = s.Check(t.Context(), message(`{"who": {"name": 1}, "at": 2}`))
		if want := "body.at is a number, and should be a string; body.who.name is a number, and should be a string"; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v", id, err)
		}
		before := s.Digest()
		changed := map[string]string{"order.json": files["order.json"], "parts/customer.json": files["parts/customer.json"], "parts/name.json": `{"type": "number"}`}
		if s, err = loadIn(t, changed); err != nil || s.Digest() == before {
			t.Errorf("%q: another file has the same digest: %v", id, err)
		}
	}
}

func TestLoad_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"the network":     {map[string]string{"order.json": `{"$ref": "http://127.0.0.1:1/a.json"}`}, "it refers to http://127.0.0.1:1/a.json: nothing is read from the network"},
		"other files":     {map[string]string{"order.json": `{"$ref": "file:///etc/hostname"}`}, "it refers to file:///etc/hostname: nothing is read"},
		"a folder above":  {map[string]string{"order.json": `{"$ref": "..%2f..%2fa.json"}`}, "it refers to"},
		"nothing":         {map[string]string{"order.json": `{"$ref": "a.json"}`}, "it refers to a.json: open"},
		"no part":         {map[string]string{"order.json": `{"$ref": "#/$defs/a"}`}, `json-pointer in "order.json#/$defs/a" not found`},
		"no JSON":         {map[string]string{"order.json": `{"type": }`}, "order.json: invalid character '}'"},
		"no JSON beside":  {map[string]string{"order.json": `{"$ref": "a.json"}`, "a.json": `{`}, "a.json: unexpected end"},
		"no schema":       {map[string]string{"order.json": `{"type": "order", "minimum": "1"}`}, "it is no JSON Schema: schema.minimum is a string, and should be a number"},
		"no pattern":      {map[string]string{"order.json": `{"pattern": "("}`}, "schema.pattern is no regex"},
		"an unknown kind": {map[string]string{"order.json": `{"$schema": "https://example.com/mine"}`}, "it refers to https://example.com/mine"},
		"no file":         {nil, "no such file"},
	} {
		if _, err := loadIn(t, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s, err := jsonschema.Load("order", "testdata/order.json")
	if err != nil {
		b.Fatal(err)
	}
	line := `{"sku": "a-1", "name": "a pen that writes", "quantity": 3, "price": 1.25},`
	body := []byte(`{"id": 7, "customer": {"name": "Ada", "country": "GB"}, "lines": [` + strings.TrimSuffix(strings.Repeat(line, 10), ",") + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Check(b.Context(), eip.New(body, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
