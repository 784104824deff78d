package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A snapshot is the store's file between two transactions.
type snapshot struct {
	file   []byte
	sent   []string // what its sender was told is in it
	at     int64    // of its meta page
	number uint64   // of its transaction
}

// snapshots sends messages of all sizes, and takes the file after each.
func snapshots(t *testing.T, n int) (all []snapshot) {
	t.Helper()
	dir := t.TempDir()
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	to := send(t, b, queueNamed("q"))
	var sent []string
	for i := range n {
		body := fmt.Sprint(i, strings.Repeat(".", i*i*37%40_000))
		if err := eip.Await(t.Context(), to, eip.New([]byte(body), nil)); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, body)
		file, err := os.ReadFile(filepath.Join(dir, messagesFile))
		if err != nil {
			t.Fatal(err)
		}
		s := snapshot{file: file, sent: slices.Clone(sent)}
		for _, at := range []int64{0, pageSize} {
			if m, ok := metaAt(bytes.NewReader(file), at); ok && m.tx > s.number {
				s.at, s.number = at, m.tx
			}
		}
		all = append(all, s)
	}
	return all
}

// holds opens file and finds exactly these messages in it. It returns what was
// logged.
func holds(t *testing.T, what string, file []byte, want []string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, messagesFile), file, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b, err := Open(broker.Config{DataDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return ""
	}
	defer b.Close()
	const end = "the end"
	if err := eip.Await(t.Context(), send(t, b, queueNamed("q")), eip.New([]byte(end), nil)); err != nil {
		t.Errorf("%s: %v", what, err)
		return ""
	}
	src, got := open(t, b, queueNamed("q"), broker.Subscription{}), []string{}
	for {
		m, err := src.Receive(context.Background())
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return ""
		}
		eip.Deliver(t.Context(), eip.Discard, m)
		if string(m.Body()) == end {
			break
		}
		got = append(got, string(m.Body()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d messages are in it, want %d", what, len(got), len(want))
	}
	return log.String()
}

// When the power fails within a transaction, any part of its pages may be on disk,
// and its meta page not, whole or in part. What was confirmed before is there then,
// and nothing else.
func TestPowerCut_WithinTransaction(t *testing.T) {
	const sector = 512
	r := rand.New(rand.NewPCG(1, 0))
	all, tried := snapshots(t, 25), 0
	for i, after := range all[1:] {
		before := all[i]
		if after.number != before.number+1 {
			continue // something else was written as well
		}
		tried++
		torn := make([]byte, max(len(before.file), len(after.file)))
		copy(torn, before.file)
		for at := 0; at < len(after.file); at += sector {
			isMeta := int64(at) == after.at
			if !isMeta && r.IntN(2) == 0 {
				copy(torn[at:at+sector], after.file[at:])
			}
		}
		what := fmt.Sprintf("transaction %d", after.number)
		if log := holds(t, what+" without meta page", torn, before.sent); log != "" {
			t.Errorf("%s: the log says %q", what, log)
		}
		if i%5 != 0 {
			continue
		}
		whole := slices.Clone(after.file)
		holds(t, what, whole, after.sent)
		copy(whole[after.at+pageHeader+56:], before.file[after.at+pageHeader+56:after.at+sector]) // the checksum
		if log := holds(t, what+" with a torn meta page", whole, before.sent); !strings.Contains(log, "meta page") {
			t.Errorf("%s: the meta page is torn, and the log says %q", what, log)
		}
	}
	if tried == 0 {
		t.Fatal("no transaction was alone between two snapshots")
	}
}
