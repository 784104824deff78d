package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/store"
)

// keepState puts keys into the state of a stage, in a file of a data directory.
func keepState(t *testing.T, path, address string, keys ...string) {
	t.Helper()
	s, err := embedded.OpenState(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Space(address)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Do(t.Context(), p, func(tx store.Tx) error {
		for _, key := range keys {
			tx.Put(key, []byte("value"), time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC))
		}
		return tx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestState(t *testing.T) {
	dir := t.TempDir()
	messages, positions := filepath.Join(dir, "both", embedded.StateFiles[0]), filepath.Join(dir, "both", embedded.StateFiles[1])
	keepState(t, messages, "f.a", "=k", "\x00\xff", "c\x1b[31m")
	keepState(t, positions, "f.b", "=k")
	keepState(t, filepath.Join(dir, "one", embedded.StateFiles[1]), "f.a", "=k")
	keepState(t, filepath.Join(dir, "twice", embedded.StateFiles[0]), "f.a", "=k")
	keepState(t, filepath.Join(dir, "twice", embedded.StateFiles[1]), "f.a", "=k")
	text, _, _ := output(t, eipd(t, dir, "state", "export", "--data-dir", "both"))
	write(t, dir, "state.jsonl", text)
	for _, c := range []struct {
		args string
		code int
		says []string
	}{
		{"ls --data-dir both", 0, []string{"f.a    messages.db      3", "f.b    positions.db     1", "2026-01-31"}},
		{"ls --store embedded:both --json", 0, []string{`{"space":"f.a","file":"messages.db","keys":3,"bytes":25,"due":3,"next_due":"2026-01-31T`}},
		{"ls --data-dir both --file positions.db", 0, []string{"f.b"}},
		{"ls --data-dir nowhere", 1, []string{"in the data directory nowhere nothing is remembered"}},
		{"show f.a --data-dir both", 0, []string{"=k\n", `"\x00\xff"`, `"c\x1b[31m"`}},
		{"show f.a --data-dir both --json", 0, []string{`{"key":"=k","bytes":5,"due":"2026-01-31T09:00:00Z"}`}},
		{"show f.c --data-dir both", 1, []string{"nothing is remembered for f.c; there is f.a, f.b"}},
		{"export f.b --data-dir both", 0, []string{"{\"eipd_state\":1}\n{\"space\":\"f.b\"}\n{\"key\":\"=k\",\"due\":\"2026-01-31T09:00:00Z\",\"value\":\"dmFsdWU=\"}\n{\"end\":3}\n"}},
		{"export --data-dir twice", 1, []string{"for f.a something is remembered in messages.db and positions.db; choose one by --file"}},
		{"verify --data-dir both", 0, []string{"messages.db and positions.db: well, with 4 keys of 2 stages"}},
		{"import state.jsonl --data-dir both", 1, []string{"into which file of both?"}},
		{"import state.jsonl --data-dir new", 1, []string{"into which file of new?"}},
		{"import state.jsonl --data-dir one", 1, []string{"f.a already"}},
		{"import state.jsonl --data-dir new --file messages.db", 0, []string{"imported into messages.db: f.a, f.b"}},
		{"import none.jsonl --data-dir new", 1, []string{"none.jsonl"}},
		{"verify --data-dir new", 0, []string{"messages.db: well, with 4 keys of 2 stages"}},
		{"ls --store memory:", 1, []string{"memory: is in its process alone"}},
		{"ls --store postgres:", 1, []string{"--store: there is no store for postgres"}},
		{"ls --store embedded:x?y", 1, []string{"--store: the URL is embedded:"}},
		{"", 2, []string{"what is to be done? one of ls, show"}},
		{"list", 2, []string{"there is no eipd state list"}},
		{"show", 2, []string{"eipd state show takes the ADDRESS of a stage"}},
		{"ls f.a", 2, []string{"eipd state ls takes nothing more"}},
		{"import a b", 2, []string{"eipd state import takes a FILE"}},
		{"ls --file other.db", 2, []string{"--file: it is messages.db or positions.db"}},
	} {
		stdout, stderr, code := output(t, eipd(t, dir, append([]string{"state"}, strings.Fields(c.args)...)...))
		if code != c.code {
			t.Errorf("%s: exit %d\n%s%s", c.args, code, stdout, stderr)
		}
		for _, says := range c.says {
			if !strings.Contains(stdout+stderr, says) {
				t.Errorf("%s: it does not say %q:\n%s%s", c.args, says, stdout, stderr)
			}
		}
	}
	for args, want := range map[string]string{"": "ls\nshow\nexport\nimport\nverify\n:4\n", "show": "f.a\nf.b\n:4\n", "import": ":0\n", "ls": ":4\n", "show f.a": ":4\n"} {
		out, _, _ := output(t, eipd(t, dir, append(append([]string{"__complete", "state", "--data-dir", "both"}, strings.Fields(args)...), "")...))
		if out != want {
			t.Errorf("%q is completed by %q", args, out)
		}
	}
}
