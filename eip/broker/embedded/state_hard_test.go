package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/store"
)

// remembering opens a broker in dir, and a space of it.
func remembering(t *testing.T, dir string) (*Broker, store.Space) {
	t.Helper()
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.State().Space("f.stage")
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

// step makes a step, and waits for it.
func step(s store.Space, f func(store.Tx) error) error {
	done := make(chan error, 1)
	s.Store().Commit(nil, []store.Step{{Space: s, Change: f}}, func(_ int, err error) { done <- err })
	return <-done
}

// remembered is what a space has, in words.
func remembered(s store.Space) (all []string, err error) {
	err = s.View(func(r store.Reader) error {
		for key, value := range r.Range("", "") {
			all = append(all, fmt.Sprintf("%s %d %d", key, len(value), value[0]))
		}
		for at, key := range r.Due() {
			all = append(all, fmt.Sprintf("%s is due %d", key, at.UnixNano()))
		}
		return nil
	})
	return all, err
}

// When the power fails within a transaction, what a step changed is there whole or not at
// all: its records, and when they are due.
func TestPowerCut_WithinStep(t *testing.T) {
	const sector = 512
	dir, r := t.TempDir(), rand.New(rand.NewPCG(2, 0))
	b, s := remembering(t, dir)
	type shot struct {
		file   []byte
		is     []string
		at     int64
		number uint64
	}
	var all []shot
	for i := range 25 {
		err := step(s, func(tx store.Tx) error {
			for n := range 5 {
				key := fmt.Sprint("key", (i+n)%7)
				if n == 4 {
					tx.Delete(key)
					continue
				}
				tx.Put(key, bytes.Repeat([]byte{byte(i)}, 1+(i*i*137+n)%20_000), time.Unix(0, int64(1+i*n)))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		x := shot{}
		if x.file, err = os.ReadFile(filepath.Join(dir, messagesFile)); err != nil {
			t.Fatal(err)
		}
		if x.is, err = remembered(s); err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, pageSize} {
			if m, ok := metaAt(bytes.NewReader(x.file), at); ok && m.tx > x.number {
				x.at, x.number = at, m.tx
			}
		}
		all = append(all, x)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	has := func(what string, file []byte, want []string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, messagesFile), file, 0o600); err != nil {
			t.Fatal(err)
		}
		b, s := remembering(t, dir)
		defer b.Close()
		if got, err := remembered(s); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: it remembers %v, %v; want %v", what, got, err, want)
		}
	}
	for i, after := range all[1:] {
		before := all[i]
		if after.number != before.number+1 {
			t.Fatal("something else was written")
		}
		torn := make([]byte, max(len(before.file), len(after.file)))
		copy(torn, before.file)
		for at := 0; at < len(after.file); at += sector {
			if int64(at) != after.at && r.IntN(2) == 0 {
				copy(torn[at:at+sector], after.file[at:])
			}
		}
		has(fmt.Sprintf("transaction %d without meta page", after.number), torn, before.is)
		has(fmt.Sprintf("transaction %d", after.number), after.file, after.is)
	}
}

// edit changes a space's buckets behind its back.
func edit(t *testing.T, b *Broker, s store.Space, f func(records, due *bbolt.Bucket) error) {
	t.Helper()
	err := b.store.do(t.Context(), func(tx *bbolt.Tx) error {
		return f(tx.Bucket(s.(*space).records), tx.Bucket(s.(*space).due))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A record that is damaged fails the steps that read it, for good and by its key; others
// are made.
func TestState_DamagedRecord(t *testing.T) {
	for name, damage := range map[string]func(record []byte) []byte{
		"Value":    func(r []byte) []byte { r[len(r)-1] ^= 1; return r },
		"Sum":      func(r []byte) []byte { r[0] ^= 1; return r },
		"Due":      func(r []byte) []byte { r[sumSize] ^= 1; return r },
		"CutOff":   func(r []byte) []byte { return r[:len(r)-1] },
		"Short":    func(r []byte) []byte { return r[:sumSize+1] },
		"Nothing":  func([]byte) []byte { return []byte{} },
		"TooShort": func([]byte) []byte { return []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b, s := remembering(t, dir)
			put := func(key string) error {
				return step(s, func(tx store.Tx) error {
					old, _ := tx.Get(key)
					tx.Put(key, append(bytes.Clone(old), "value"...), time.Unix(0, 1))
					return nil
				})
			}
			if err := errors.Join(put("bad"), put("good")); err != nil {
				t.Fatal(err)
			}
			edit(t, b, s, func(records, _ *bbolt.Bucket) error {
				k := stateKey("bad")
				return records.Put(k, damage(bytes.Clone(records.Get(k))))
			})
			for range 2 {
				if err := put("bad"); err == nil || !strings.Contains(err.Error(), `"bad" is damaged`) {
					t.Errorf("the step ends with %v", err)
				}
				if err := put("good"); err != nil {
					t.Error(err)
				}
				if _, err := remembered(s); err == nil || !strings.Contains(err.Error(), `"bad" is damaged`) {
					t.Errorf("to look at it gives %v", err)
				}
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				b, s = remembering(t, dir)
			}
			// It can be forgotten.
			if err := step(s, func(tx store.Tx) error { tx.Delete("bad"); return nil }); err != nil {
				t.Error(err)
			}
			if err := errors.Join(put("bad"), b.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The message whose record is damaged becomes a dead letter, and others pass.
func TestState_DamagedRecordOfAFlow(t *testing.T) {
	b, s := remembering(t, t.TempDir())
	defer b.Close()
	if err := step(s, func(tx store.Tx) error { tx.Put("bad", []byte("value"), time.Time{}); return nil }); err != nil {
		t.Fatal(err)
	}
	edit(t, b, s, func(records, _ *bbolt.Bucket) error { return records.Put(stateKey("bad"), []byte("damaged")) })
	in, dead := queueNamed("in"), queueNamed("dead")
	to := send(t, b, in)
	for _, key := range []string{"1", "bad", "2"} {
		if err := eip.Await(t.Context(), to, eip.New([]byte(key), nil)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	settled := 0
	f := &eip.Flow{Name: "f", Source: open(t, b, in, broker.Subscription{}), DeadLetter: send(t, b, dead), To: eip.Discard,
		Stages: []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			key := string(m.Body())
			store.Keep(m, s, func(tx store.Tx) error {
				tx.Get(key)
				tx.Put(key, []byte("seen"), time.Time{})
				return nil
			})
			return next.Handle(ctx, m)
		})}}
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	for settled < 3 {
		c, _ := f.Counts()
		settled = int(c.Sent + c.Failed)
		runtime.Gosched()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	m, err := open(t, b, dead, broker.Subscription{}).Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eip.Deliver(t.Context(), eip.Discard, m)
	if why, _ := m.Headers[header.Error].(string); string(m.Body()) != "bad" || !strings.Contains(why, `"bad" is damaged`) {
		t.Errorf("the dead letter is %s with %v", m.Body(), m.Headers)
	}
	if c, _ := f.Counts(); c.Sent != 2 || c.Failed != 1 {
		t.Errorf("counts: %+v", c)
	}
}

// Times that are damaged crash nothing, and keep nobody from the records.
func TestState_DamagedDue(t *testing.T) {
	b, s := remembering(t, t.TempDir())
	defer b.Close()
	put := func() error {
		return step(s, func(tx store.Tx) error { tx.Put("key", []byte("value"), time.Unix(0, 5)); return nil })
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	edit(t, b, s, func(_, due *bbolt.Bucket) error {
		for _, key := range []string{"x", "12345678", "123456789", "\xff\xff\xff\xff\xff\xff\xff\xff=none", "\x00\x00\x00\x00\x00\x00\x00\x01=key"} {
			if err := due.Put([]byte(key), nil); err != nil {
				return err
			}
		}
		return nil
	})
	for range 2 {
		if is, err := remembered(s); err != nil || !slices.Equal(is, []string{"key 5 118", "key is due 5"}) {
			t.Errorf("it remembers %v, %v", is, err)
		}
		if err := put(); err != nil {
			t.Error(err)
		}
	}
}

// A file of a version that knew no state opens, and remembers from then on.
func TestState_OlderFile(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.do(t.Context(), func(tx *bbolt.Tx) error {
		if tx.Bucket(statesBucket) != nil {
			return errors.New("there is state before anything was remembered")
		}
		return nil
	})
	if err = errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	b, s := remembering(t, dir)
	defer b.Close()
	if err := step(s, func(tx store.Tx) error { tx.Put("key", []byte("value"), time.Time{}); return nil }); err != nil {
		t.Error(err)
	}
}

// Whatever is in a record, to read it crashes nothing.
func FuzzStateRecord(f *testing.F) {
	f.Add([]byte("=key"), []byte{})
	f.Add([]byte("="), make([]byte, sumSize+dueSize))
	f.Fuzz(func(t *testing.T, key, record []byte) {
		if len(key) == 0 {
			return
		}
		p := (&state{}).newSpace("f.stage", number(1))
		x := &stateTx{space: p}
		if value, _ := x.read(key, record); value != nil && (x.err != nil || len(value) != len(record)-sumSize-dueSize) {
			t.Errorf("it reads %x, %v", value, x.err)
		}
		if k := dueKey(key, record); k != nil && !bytes.HasSuffix(k, key) {
			t.Errorf("it is due at %x", k)
		}
	})
}
