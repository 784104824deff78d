package transform_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func tabled(path, column string) *transform.ContentEnricher {
	return enricher(func(e *transform.ContentEnricher) {
		e.File, e.Column, e.Key = path, column, body
		e.Merge = func(_ context.Context, _, reply *eip.Message) (any, error) { return reply.Body(), nil }
	})
}

func TestContentEnricher_Table(t *testing.T) {
	for name, c := range map[string]struct{ file, text, column, key, want, fails string }{
		"CSV":                 {"p.csv", "sku,price\npen,2\ndesk,\"2,50\"\n", "sku", "desk", `{"sku":"desk","price":"2,50"}`, ""},
		"CSV by another":      {"p.csv", "\xef\xbb\xbfsku,price\npen,2\n", "price", "2", `{"sku":"pen","price":"2"}`, ""},
		"JSON lines":          {"p.jsonl", "{\"sku\": \"pen\", \"n\": 1.50}\n\n{\"sku\": 7}\n", "sku", "7", `{"sku": 7}`, ""},
		"keeps its digits":    {"p.ndjson", `{"sku": "pen", "n": 1.50}`, "sku", "pen", `{"sku": "pen", "n": 1.50}`, ""},
		"a list":              {"p.json", `[{"sku": "pen"}, {"sku": "desk", "x": [1]}]`, "sku", "desk", `{"sku": "desk", "x": [1]}`, ""},
		"a map":               {"p.JSON", ` {"pen": 2, "d\u0065sk": {"price": 3}} `, "", "desk", `{"price": 3}`, ""},
		"a number":            {"p.json", `[{"id": 7, "x": 1}]`, "id", "7", `{"id": 7, "x": 1}`, ""},
		"none":                {"p.json", `{"pen": 2}`, "", "yacht", "null", ""},
		"no key":              {"p.json", `{"pen": 2}`, "", "null", "null", ""},
		"a list as key":       {"p.json", `{"pen": 2}`, "", `["pen"]`, "null", ""},
		"an empty list":       {"p.json", `[]`, "sku", "pen", "null", ""},
		"no rows":             {"p.csv", "sku,price\n", "sku", "pen", "null", ""},
		"an empty file":       {"p.csv", "", "sku", "", "", "names of the columns is missing"},
		"an empty JSON file":  {"p.json", "", "sku", "", "", "unexpected end"},
		"a double":            {"p.csv", "sku,price\npen,2\npen,3\n", "sku", "", "", `row 2: there is a row with the key "pen" already`},
		"a double in a map":   {"p.json", `{"pen": 2, "pen": 3}`, "", "", "", `the key "pen" already`},
		"7 and its digits":    {"p.json", `[{"id": 7}, {"id": "7"}]`, "id", "", "", "already"},
		"no such column":      {"p.csv", "sku,price\npen,2\n", "name", "", "", "row 1: it has no member name"},
		"no such member":      {"p.jsonl", `{"sku": 1}` + "\n{}", "sku", "", "", "row 2: it has no member sku"},
		"an empty key":        {"p.csv", "sku,price\n,2\n", "sku", "", "", "row 1: its key is empty"},
		"a key that is null":  {"p.jsonl", `{"sku": null}`, "sku", "", "", "its key is empty"},
		"a row that is none":  {"p.json", `[{"sku": 1}, 2]`, "sku", "", "", "row 2: it has no member sku"},
		"neither":             {"p.json", `"pen"`, "sku", "", "", "is text and no list"},
		"a list, no column":   {"p.json", `[{"sku": 1}]`, "", "", "", "add column"},
		"a map with a column": {"p.json", `{"pen": 1}`, "sku", "", "", "leave column out"},
		"broken":              {"p.json", `[{"sku": 1}`, "sku", "", "", "unexpected end"},
		"broken CSV":          {"p.csv", "sku,price\npen\n", "sku", "", "", "wrong number of fields"},
		"no UTF-8":            {"p.csv", "sku,price\n\xff,2\n", "sku", "", "", "UTF-8"},
		"large":               {"p.jsonl", strings.Repeat(" ", 64<<20) + `{"sku": 1}`, "sku", "", "", "more than the 67108864 bytes"},
		"many rows":           {"p.json", "[" + strings.Repeat(`1,`, 1<<20) + "1]", "sku", "", "", "row 1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := tabled(fileOf(t, c.file, c.text), c.column)
			err := e.Validate()
			if err == nil {
				err = e.Open(t.Context(), eiptest.Env())
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), c.file) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ask(t, e, c.key); got != c.want || err != nil {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	if err := tabled(filepath.Join(t.TempDir(), "none.json"), "").Open(t.Context(), eiptest.Env()); err == nil {
		t.Error("it opens a file that is not there")
	}
}

// A small file may be a large table: each row has the names of all columns.
func TestContentEnricher_TableIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("id," + strings.Repeat("x", 1<<20) + "\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%d,\n", i)
	}
	e := tabled(fileOf(t, "p.csv", b.String()), "id")
	if err := e.Open(t.Context(), eiptest.Env()); err == nil || !strings.Contains(err.Error(), "row 256: the rows take more than 256 MiB") {
		t.Error(err)
	}
}

// The table follows its file, and outlasts a version that cannot be read.
func TestContentEnricher_TableChanges(t *testing.T) {
	path := fileOf(t, "p.json", `{"pen": 1}`)
	e := tabled(path, "")
	var log bytes.Buffer
	clock, env := eiptest.NewClock(), eiptest.Env()
	env.Clock, env.Log = eip.Clock{Timekeeper: clock}, slog.New(slog.NewTextHandler(&log, nil))
	if err := e.Open(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	stamp := time.Now()
	write := func(text string) {
		t.Helper()
		stamp = stamp.Add(time.Second)
		fresh := path + ".new"
		if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(fresh, stamp, stamp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
	}
	is := func(want string, trouble bool, said int) {
		t.Helper()
		if got, err := ask(t, e, "pen"); got != want || err != nil || (e.Trouble() != nil) != trouble || strings.Count(log.String(), "level=WARN") != said {
			t.Errorf("%s, %v; trouble %v; %s", got, err, e.Trouble(), &log)
		}
	}
	is("1", false, 0)
	write(`{"pen": 2}`)
	is("1", false, 0) // it is not looked at for each message
	clock.Advance(time.Second)
	is("2", false, 0)
	write(`{"pen": 3`)
	for range 3 {
		clock.Advance(time.Second)
		is("2", true, 1) // which is said once
	}
	write(`{"pen": 3, "pen": 4}`)
	clock.Advance(time.Second)
	is("2", true, 2)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clock.Advance(time.Second)
		is("2", true, 3)
	}
	write(`{"pen": 5}`)
	clock.Advance(time.Second)
	is("5", false, 3)
	if err := os.Mkdir(path+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".d", path); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	is("5", true, 4)
}

// A file that could not be read is read when it can be, though it is the same.
func TestContentEnricher_TableIsReadAgain(t *testing.T) {
	folder, file := t.TempDir(), fileOf(t, "p.json", `{"pen": 1}`)
	path := filepath.Join(folder, "p.json")
	if err := os.Symlink(file, path); err != nil {
		t.Skip(err)
	}
	e, clock, env := tabled(path, ""), eiptest.NewClock(), eiptest.Env()
	env.Clock = eip.Clock{Timekeeper: clock}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.Open(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"pen": 22}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode    os.FileMode
		want    string
		trouble bool
	}{{0o777, "1", true}, {0o700, "22", false}} { // others may have laid a link, or not
		if err := os.Chmod(folder, tt.mode); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second)
		if got, err := ask(t, e, "pen"); got != tt.want || err != nil || (e.Trouble() != nil) != tt.trouble {
			t.Errorf("%v: %s, %v; trouble %v", tt.mode, got, err, e.Trouble())
		}
	}
}

// Whatever a table holds, it is refused or each of its rows is found by its key.
func FuzzContentEnricher_Table(f *testing.F) {
	f.Add("a,b\n1,2\n", uint8(0))
	f.Add("{\"a\": 1}\n{\"a\": \"x\"}", uint8(1))
	f.Add(`[{"a": 1.0}, {"a": [2]}]`, uint8(2))
	f.Add(`{"a": 1, "\u0061b": null}`, uint8(3))
	path := filepath.Join(f.TempDir(), "t")
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		file, column := path+[]string{".csv", ".jsonl", ".json", ".json"}[kind%4], "a"
		if kind%4 == 3 {
			column = ""
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		e := tabled(file, column)
		if e.Open(t.Context(), eiptest.Env()) != nil {
			return
		}
		keys := keysOf(t, text, kind%4)
		if n := e.Stats().Counts["entries"]; int(n) != len(keys) {
			t.Fatalf("%d rows, and %d are there", len(keys), n)
		}
		for _, key := range keys {
			e.Key = func(context.Context, *eip.Message) (any, error) { return key, nil }
			row, err := ask(t, e, "x")
			if err != nil || !json.Valid([]byte(row)) {
				t.Fatalf("%v: %s, %v", key, row, err)
			}
		}
		if len(keys) > 0 && e.Stats().Counts["missing"] > 0 {
			t.Fatal(e.Stats().Counts)
		}
	})
}

// keysOf reads the keys of a table that is well, by other means.
func keysOf(t *testing.T, text string, kind uint8) (keys []any) {
	var rows []map[string]any
	switch kind {
	case 0:
		all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range all[1:] {
			row := map[string]any{}
			for i, name := range all[0] {
				row[name] = record[i]
			}
			rows = append(rows, row)
		}
	case 1:
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			if strings.TrimSpace(line) != "" {
				rows = append(rows, decoded(t, line).(map[string]any))
			}
		}
	case 2:
		for _, row := range decoded(t, text).([]any) {
			rows = append(rows, row.(map[string]any))
		}
	default:
		for key := range decoded(t, text).(map[string]any) {
			keys = append(keys, key)
		}
	}
	for _, row := range rows {
		keys = append(keys, row["a"])
	}
	return keys
}

func decoded(t *testing.T, text string) any {
	v, err := content.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
