package embedded_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
)

// What is damaged is drawn by lot. Where a test fails, it names the seed.
var (
	damages    = flag.Int("damages", 200, "how many damaged files to try")
	damageSeed = flag.Uint64("damage-seed", 1, "where in them the damage is")
)

const page = 16 << 10 // of a store

var orders = broker.Channel{Address: "orders", Durable: true, Declare: true}

// stored makes a store with messages in it, and returns its file and their bodies.
func stored(t *testing.T, n int) (file []byte, bodies []string) {
	t.Helper()
	dir := t.TempDir()
	b := openIn(t, dir)
	to, err := b.Sender(t.Context(), orders)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		body := fmt.Sprintf("%d %s", i, strings.Repeat("x", i*i%5000))
		bodies = append(bodies, body)
		eip.Deliver(t.Context(), to, eip.New([]byte(body), nil))
	}
	b.Keep("position", []byte("kept"))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return withoutFree(t, filepath.Join(dir, "messages.db")), bodies
}

// withoutFree returns the file at path without its free pages, whose damage means
// nothing.
func withoutFree(t *testing.T, path string) []byte {
	t.Helper()
	dense := path + ".dense"
	to, err := bbolt.Open(dense, 0o600, &bbolt.Options{PageSize: page, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	from, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	err = errors.Join(bbolt.Compact(to, from, 0), from.Close(),
		to.Update(func(tx *bbolt.Tx) error { // so that both meta pages tell of all
			size = tx.Size()
			return nil
		}), to.Close())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(dense)
	if err != nil {
		t.Fatal(err)
	}
	return file[:size]
}

// outcome is what came of opening and reading a damaged file.
type outcome struct {
	err    error
	bodies []string
	log    string
}

// use opens the file, and takes all that is in the queue, as far as that goes.
func use(t *testing.T, file []byte) (o outcome) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "messages.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	defer func() { o.log = log.String() }()
	b, err := embedded.Open(broker.Config{DataDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		return outcome{err: err}
	}
	defer func() {
		if err := b.Close(); o.err == nil {
			o.err = err
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	to, err := b.Sender(ctx, orders)
	if err != nil {
		return outcome{err: err}
	}
	if err := eip.Await(ctx, to, eip.New([]byte("end"), nil)); err != nil {
		return outcome{err: err}
	}
	var shown []string // by a look, which sets nothing aside
	for m, err := range b.Browse(ctx, orders, broker.BrowseOptions{}) {
		if shown = append(shown, ""); err == nil {
			shown[len(shown)-1] = string(m.Body())
		}
	}
	src, err := b.Source(ctx, orders, broker.Subscription{})
	if err != nil {
		return outcome{err: err}
	}
	for {
		m, err := src.Receive(ctx)
		if err != nil {
			o.err = err
			return o
		}
		eip.Deliver(ctx, eip.Discard, m)
		if string(m.Body()) == "end" {
			if !slices.Equal(shown, append(o.bodies, "end")) {
				t.Errorf("a look shows %d messages, and %d come", len(shown)-1, len(o.bodies))
			}
			return o
		}
		o.bodies = append(o.bodies, string(m.Body()))
	}
}

// reported finds nothing in o that was not there, and nothing missing that o does
// not tell of.
func (o outcome) reported(t *testing.T, what string, bodies []string) {
	t.Helper()
	if o.err != nil {
		if !strings.Contains(o.err.Error(), "damaged") || !strings.Contains(o.err.Error(), "messages.db") {
			t.Errorf("%s: the error says neither what nor where: %v", what, o.err)
		}
		return
	}
	rest := bodies
	for _, body := range o.bodies {
		i := slices.Index(rest, body)
		if i < 0 {
			t.Errorf("%s: %.20q was delivered, and is wrong, twice or out of order", what, body)
			return
		}
		rest = rest[i+1:]
	}
	if len(o.bodies) < len(bodies) && !strings.Contains(o.log, "level=ERROR") {
		t.Errorf("%s: %d of %d messages came, and nothing was said", what, len(o.bodies), len(bodies))
	}
}

func TestDamage_FlippedBits(t *testing.T) {
	file, bodies := stored(t, 100)
	r, pages := rand.New(rand.NewPCG(*damageSeed, 0)), len(file)/page
	if o := use(t, file); o.err != nil || len(o.bodies) != len(bodies) || o.log != "" {
		t.Fatalf("the whole file gives %d messages, %v, and the log %q", len(o.bodies), o.err, o.log)
	}
	found := map[string]int{}
	for i := range *damages {
		damaged, at := slices.Clone(file), r.IntN(len(file))
		if i%2 == 0 { // structure is at the beginning of pages
			at = r.IntN(pages)*page + r.IntN(64)
		}
		damaged[at] ^= 1 << r.IntN(8)
		what := fmt.Sprintf("seed %d, byte %d", *damageSeed, at)
		o := use(t, damaged)
		o.reported(t, what, bodies)
		switch {
		case o.err != nil:
			found["refused"]++
		case len(o.bodies) < len(bodies):
			found["set aside"]++
		default:
			found["harmless"]++
		}
	}
	if found["refused"] == 0 || found["set aside"] == 0 {
		t.Errorf("not all kinds of damage were met: %v", found)
	}
	t.Log(found)
}

func TestDamage_Overwritten(t *testing.T) {
	file, bodies := stored(t, 100)
	r := rand.New(rand.NewPCG(*damageSeed, 0))
	for range *damages / 3 {
		damaged, at := slices.Clone(file), r.IntN(len(file))
		end := min(at+1+r.IntN(3*4096), len(damaged))
		for i := at; i < end; i++ {
			damaged[i] = byte(r.Uint32())
		}
		use(t, damaged).reported(t, fmt.Sprintf("seed %d, bytes %d to %d", *damageSeed, at, end), bodies)
	}
}

func TestDamage_CutOff(t *testing.T) {
	file, bodies := stored(t, 100)
	for _, size := range []int{0, 1, 4095, 4096, 16 << 10, 16<<10 + 80, 32 << 10, 64 << 10, len(file) / 2, len(file) - 1} {
		o := use(t, file[:min(size, len(file))])
		o.reported(t, fmt.Sprintf("cut to %d", size), bodies)
		if size <= 64<<10 && o.err == nil {
			t.Errorf("a file cut to %d bytes was opened", size)
		}
	}
}

// A page that says that it has fewer keys than it has would hide the last of them.
func TestDamage_FewerKeys(t *testing.T) {
	file, bodies := stored(t, 100)
	for at := 2 * page; at < len(file); at += page {
		keys := binary.NativeEndian.Uint16(file[at+10:])
		for _, fewer := range []uint16{0, keys / 2, keys - 1} {
			if keys == 0 || fewer == keys {
				continue
			}
			damaged := slices.Clone(file)
			binary.NativeEndian.PutUint16(damaged[at+10:], fewer)
			o := use(t, damaged)
			o.reported(t, fmt.Sprintf("%d of %d keys in page %d", fewer, keys, at/page), bodies)
			if o.err == nil {
				t.Errorf("page %d has %d keys and says %d, which was taken", at/page, keys, fewer)
			}
		}
	}
}

// Pages that refer to each other in a circle would have bbolt run until the stack
// is used up, and no recover would help.
func TestDamage_Circles(t *testing.T) {
	file, bodies := stored(t, 3000)
	met := 0
	for at := 2 * page; at < len(file); at += page {
		p := file[at:]
		if binary.NativeEndian.Uint16(p[8:]) != 1 || binary.NativeEndian.Uint64(p) != uint64(at/page) {
			continue // no branch
		}
		met++
		damaged := slices.Clone(file)
		binary.NativeEndian.PutUint64(damaged[at+16+8:], uint64(at/page)) // its first child is itself
		use(t, damaged).reported(t, fmt.Sprintf("circle at page %d", at/page), bodies)
	}
	if met == 0 {
		t.Fatal("the file has no branches")
	}
}

// One damaged meta page: bbolt takes the other one, which is older.
func TestDamage_OneMetaPage(t *testing.T) {
	file, _ := stored(t, 10)
	for n := range 2 {
		damaged := slices.Clone(file)
		damaged[n*page+40] ^= 1
		o := use(t, damaged)
		if o.err != nil || !strings.Contains(o.log, "meta page") {
			t.Errorf("meta page %d: %v, log %q", n, o.err, o.log)
		}
	}
	// A damaged one whose checksum is right.
	damaged := slices.Clone(file)
	for n := range 2 {
		m := damaged[n*page+16:]
		binary.NativeEndian.PutUint64(m[16:], 1<<40) // the root's page
		sum := fnv.New64a()
		sum.Write(m[:56])
		binary.NativeEndian.PutUint64(m[56:], sum.Sum64())
	}
	if o := use(t, damaged); o.err == nil {
		t.Error("a root that is nowhere was taken")
	}
}

// A message that is damaged while the store is open is set aside too.
func TestDamage_WhileOpen(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	b, err := embedded.Open(broker.Config{DataDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	to, err := b.Sender(t.Context(), orders)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000 // more than are kept in memory
	for i := range n {
		body := fmt.Sprintf("number %d!%s", i, strings.Repeat(".", 4000))
		if i == n-10 {
			body = "the unlucky one" + body
		}
		eip.Deliver(t.Context(), to, eip.New([]byte(body), nil))
	}
	if err := eip.Await(t.Context(), to, eip.New([]byte("end"), nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "messages.db")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	met := 0 // older copies of the page as well
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("the unlucky one"))
		if i < 0 {
			break
		}
		if _, err := f.WriteAt([]byte("THE"), int64(at+i)); err != nil {
			t.Fatal(err)
		}
		met++
		at += i + 1
	}
	if met == 0 {
		t.Fatal("the message is not in the file")
	}
	src, err := b.Source(t.Context(), orders, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
		if string(m.Body()) == "end" {
			break
		}
		if want := fmt.Sprintf("number %d!", got); !bytes.HasPrefix(m.Body(), []byte(want)) {
			t.Fatalf("received %.30q, want %s", m.Body(), want)
		}
		if got++; got == n-10 {
			got++
		}
	}
	if got != n {
		t.Errorf("%d messages came", got)
	}
	if !strings.Contains(log.String(), "set aside") || !strings.Contains(log.String(), fmt.Sprint("number=", n-9)) {
		t.Errorf("the log says %q", log.String())
	}
}

// What cannot be a store is not touched.
func TestOpen_SomethingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "messages.db")
	if err := os.WriteFile(path, []byte("my diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(broker.Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("opening a diary gave %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "my diary" {
		t.Errorf("the diary is now %q", text)
	}
	_, err := embedded.Open(broker.Config{DataDir: path})
	if err == nil {
		t.Error("a file was taken for a directory")
	}
	if os.Getuid() == 0 {
		return // to whom nothing is forbidden
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(broker.Config{DataDir: filepath.Join(locked, "data")}); !os.IsPermission(err) && !strings.Contains(fmt.Sprint(err), fs.ErrPermission.Error()) {
		t.Errorf("opening where nothing may be written gave %v", err)
	}
}
