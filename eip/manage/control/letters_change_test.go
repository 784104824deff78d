package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// failing runs lettersFlow, whose flow orders fails for every body that holds "bad", and
// has it fail for n of them, each with a number.
func failing(t *testing.T, broker string, n int) (p *process, out *pool) {
	t.Helper()
	p, in, out := runOn(t, broker, lettersFlow)
	out.refuse = func(m *eip.Message) error {
		if strings.Contains(string(m.Body()), "bad") {
			return errors.New("it is bad")
		}
		return nil
	}
	for i := range n {
		in.feed(t, badBody(i))
	}
	until(t, func() bool {
		return int(do[map[string]counts](t, p.client, "stats", "orders", nil)["orders"].Failed) == n
	})
	return p, out
}

func badBody(i int) string {
	return fmt.Sprintf(`{"z": %d, "big": 12345678901234567890123.10, "is": "bad", "a": [1, 2 ,3]}`, i)
}

func listed(t *testing.T, p *process) []control.Letter {
	t.Helper()
	all, _, _, err := seeing(t, p.client, "letters", "orders", args{"list": true, "limit": 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func dataDir(p *process) string { return filepath.Dir(p.socket) }

func TestLetters_Discard(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, _ := failing(t, broker, 150)
			before := listed(t, p)
			for why, a := range map[string]args{
				"no reason":      {"ids": before[0].ID},
				"a blank reason": {"ids": before[0].ID, "reason": " \t"},
				"not confirmed":  {"reason": "x"},
				"another number": {"reason": "x", "confirm": 149},
				"two confirmed":  {"reason": "x", "ids": before[0].ID, "confirm": 2},
			} {
				_, err := try[any](t, p.client, "letters_discard", "orders", a)
				var e *control.Error
				if !errors.As(err, &e) || e.Code != control.BadArgs {
					t.Errorf("%s: %v", why, err)
				}
			}
			refused(t, p.client, control.UnknownTarget, "letters_discard", "orders", args{"reason": "x", "group": "ffff"})
			if left := listed(t, p); !reflect.DeepEqual(left, before) {
				t.Fatal("what was refused has changed letters")
			}
			some := []string{before[149].ID, before[70].ID[:8], before[3].ID}
			if did := do[control.LettersDiscarded](t, p.client, "letters_discard", "orders", args{"ids": some, "reason": "nobody needs it"}); did.Discarded != 3 || did.Gone != 0 {
				t.Errorf("%+v", did)
			}
			want := slices.Concat(before[:3], before[4:70], before[71:149])
			if left := ids(listed(t, p)); !slices.Equal(left, ids(want)) {
				t.Errorf("%d are left, in the order %v", len(left), left)
			}
			archived := do[control.LettersArchived](t, p.client, "letters_archive", "", nil)
			if archived.Of != 3 || archived.Letters[0].Reason != "nobody needs it" || archived.Letters[0].How != deadletter.Discarded || archived.Letters[0].By == "" {
				t.Errorf("%+v", archived)
			}
			if r := do[control.LettersRestored](t, p.client, "letters_restore", "", args{"ids": before[3].ID[:6]}); r.Queue != "queue.orders.dead" || r.ID != before[3].ID {
				t.Errorf("%+v", r)
			}
			refused(t, p.client, control.Failed, "letters_restore", "", args{"ids": before[3].ID})
			refused(t, p.client, control.UnknownTarget, "letters_restore", "", args{"ids": "abcdef123456"})
			left := listed(t, p)
			if last := left[len(left)-1]; last.ID != before[3].ID || !last.Failed.Equal(before[3].Failed) {
				t.Errorf("what is restored is %+v, and was %+v", last, before[3])
			}
			if did := do[control.LettersDiscarded](t, p.client, "letters_discard", "orders", args{"confirm": 148, "reason": "all"}); did.Discarded != 148 || len(listed(t, p)) != 0 {
				t.Errorf("%+v", did)
			}
			audited(t, p, "letters_discard", 2)
		})
	}
}

func ids(letters []control.Letter) (all []string) {
	for _, l := range letters {
		all = append(all, l.ID)
	}
	return all
}

// audited checks the audit file, and returns the records of a command.
func audited(t *testing.T, p *process, command string, want int) (found []control.Record) {
	t.Helper()
	if _, wrong, err := deadletter.Verify(dataDir(p)); err != nil || len(wrong) > 0 {
		t.Errorf("the audit file: %v, %v", wrong, err)
	}
	data, err := os.ReadFile(filepath.Join(dataDir(p), deadletter.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var r control.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Command == command && r.OK {
			found = append(found, r)
		}
	}
	if len(found) != want {
		t.Errorf("there are %d audit records of %s, not %d: %s", len(found), command, want, data)
	}
	return found
}

func TestLetters_Edit(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, out := failing(t, broker, 5)
			all := listed(t, p)
			id := all[2].ID
			for why, a := range map[string]args{
				"nothing":        {"ids": id},
				"no path":        {"ids": id, "set": args{"colour": 1}},
				"its own header": {"ids": id, "set": args{"headers.eip-flow": "x"}},
				"no JSON":        {"ids": id, "body": "text"},
				"nothing there":  {"ids": id, "unset": "body.b"},
				"secret":         {"ids": id, "set": args{"body.a.x": "hidden-value"}},
			} {
				_, err := try[any](t, p.client, "letters_edit", "orders", a)
				if err == nil || strings.Contains(err.Error(), "hidden-value") {
					t.Errorf("%s: %v", why, err)
				}
			}
			refused(t, p.client, control.BadArgs, "letters_edit", "orders", args{"ids": []string{id, all[1].ID}, "set": args{"body.is": "good"}})
			if got := ids(listed(t, p)); !slices.Equal(got, ids(all)) || out.count() > 0 {
				t.Fatalf("what was refused has changed letters: %v", got)
			}
			did := do[deadletter.Mended](t, p.client, "letters_edit", "orders", args{"ids": id[:7], "set": args{"body.is": "good", "headers.x": args{"$int32": "5"}, "type": "order"}, "unset": []string{"body.a.1"}})
			if did.Outcome != deadletter.Passed || did.ID != id || !slices.Equal(did.Changed, []string{"body.is", "headers.x", "type", "body.a.1"}) {
				t.Errorf("%+v", did)
			}
			out.await(t, 1)
			m := out.messages()[0]
			if want := `{"z": 2, "big": 12345678901234567890123.10, "is": "good", "a": [1, 3]}`; string(m.Body()) != want {
				t.Errorf("it is %s", m.Body())
			}
			if edited, _ := m.Headers[header.Edited].(string); m.Headers["x"] != int32(5) || m.Type != "order" || !strings.Contains(edited, "from letter "+id) || m.Headers[header.Error] != nil {
				t.Errorf("it has the type %s and the headers %v", m.Type, m.Headers)
			}
			_, err := try[any](t, p.client, "letters_edit", "orders", args{"ids": id, "set": args{"body.is": "better"}})
			if err == nil || !strings.Contains(err.Error(), "letter "+id+" was edited by ") {
				t.Errorf("edited again: %v", err)
			}
			if got := ids(listed(t, p)); !slices.Equal(got, ids(slices.Concat(all[:2], all[3:]))) {
				t.Errorf("the others are %v", got)
			}

			again := do[deadletter.Mended](t, p.client, "letters_edit", "orders", args{"ids": all[0].ID, "set": args{"body.z": 7}})
			if again.Outcome != deadletter.FailedAgain || !strings.Contains(again.Error, "it is bad") {
				t.Errorf("%+v", again)
			}
			left := listed(t, p)
			if last := left[len(left)-1]; len(left) != 4 || last.ID == all[0].ID || !strings.Contains(last.Edited, "from letter "+all[0].ID) {
				t.Errorf("%+v", left)
			}
			records := audited(t, p, "letters_edit", 2)
			if r := records[0]; !slices.Equal(r.IDs, []string{id}) || r.Outcome != deadletter.Passed || len(r.Before) != 64 || r.Before == r.After || r.Args["set"] != nil {
				t.Errorf("%+v", r)
			}
			do[any](t, p.client, "stop", "orders", nil)
			refused(t, p.client, control.Failed, "letters_edit", "orders", args{"ids": all[1].ID, "set": args{"body.is": "good"}})
		})
	}
}

// Letters that were exported, discarded and imported are what they were.
func TestLetters_ExportAndImport(t *testing.T) {
	p, _ := failing(t, "embedded:", 20)
	before := listed(t, p)
	exported := exportAll(t, p)
	if len(exported) != 20 {
		t.Fatalf("%d letters are exported", len(exported))
	}
	do[control.LettersDiscarded](t, p.client, "letters_discard", "orders", args{"confirm": 20, "reason": "to import them"})
	for _, line := range exported {
		do[control.LettersRestored](t, p.client, "letters_restore", "orders", args{"letter": line})
	}
	if after := ids(listed(t, p)); !slices.Equal(after, ids(before)) {
		t.Errorf("they were %v, and are %v", ids(before), after)
	}
	for i, line := range exportAll(t, p) {
		if string(line) != string(exported[i]) {
			t.Errorf("it was %s, and is %s", exported[i], line)
		}
	}
}

func exportAll(t *testing.T, p *process) (lines []json.RawMessage) {
	t.Helper()
	for r, err := range p.client.Do(t.Context(), control.Command{Command: "letters_body", Target: "orders", Args: args{"exact": true}}, control.Collect{Wait: time.Minute}) {
		if err != nil {
			t.Fatal(err)
		}
		var e deadletter.Export
		if r.More && r.Read(&e) == nil && e.ID != "" {
			lines = append(lines, r.Result)
		}
	}
	return lines
}

// Of what is redacted, nothing leaves the process by any command about letters, nor is it
// in the audit file, and a letter that lacks something is not put back.
func TestLetters_Redacted(t *testing.T) {
	const secret = "s3cret-4711"
	p, in, out := runOn(t, "embedded:", lettersFlow)
	out.refuse = func(m *eip.Message) error {
		return fmt.Errorf("it is refused: %s", m.Body())
	}
	in.feed(t, `{"card": "`+secret+`", "n": 1}`, `{"n": 2}`)
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "orders", nil)["orders"].Failed == 2 })
	var everything []byte
	for _, c := range []struct {
		command string
		args    args
	}{
		{"letters", nil}, {"letters", args{"list": true}}, {"letters_body", nil}, {"letters_body", args{"exact": true}},
		{"letters", args{"by": "error"}}, {"letters", args{"list": true, "if": `body.card == "x"`}},
	} {
		_, _, raw, err := seeing(t, p.client, c.command, "orders", c.args)
		if err != nil {
			t.Errorf("%s %v: %v", c.command, c.args, err)
		}
		everything = append(everything, raw...)
	}
	all := listed(t, p)
	for _, line := range exportAll(t, p) {
		_, err := try[any](t, p.client, "letters_restore", "orders", args{"letter": line})
		if redacted := strings.Contains(string(line), `"redacted":true`); redacted != (err != nil) {
			t.Errorf("%s: %v", line, err)
		}
	}
	mended, err := try[deadletter.Mended](t, p.client, "letters_edit", "orders", args{"ids": all[0].ID, "set": args{"body.n": 3}})
	if err != nil || mended.Outcome != deadletter.FailedAgain {
		t.Errorf("%+v, %v", mended, err)
	}
	text, _ := json.Marshal(mended)
	archived := do[json.RawMessage](t, p.client, "letters_archive", "", nil)
	audit, err := os.ReadFile(filepath.Join(dataDir(p), deadletter.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	everything = slices.Concat(everything, text, archived, audit)
	if len(everything) < 2000 || strings.Contains(string(everything), secret) {
		t.Errorf("it was shown: %s", everything)
	}
}

// While somebody else takes letters at random, of each either the original or the edited
// one is seen, and never both. EIPD_SOAK=1 makes it 1000 letters.
func TestLetters_EditedOrTaken(t *testing.T) {
	letters := 120
	if os.Getenv("EIPD_SOAK") != "" {
		letters = 1000
	}
	p, out := failing(t, "embedded:", letters)
	all := listed(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	var stolen sync.Map
	var passed, gone, thefts atomic.Int64
	var thieves sync.WaitGroup
	thieves.Go(func() {
		for ctx.Err() == nil {
			src, err := p.Source(ctx, "queue.orders.dead", 1)
			if err != nil {
				return
			}
			for range 1 + rand.IntN(4) {
				waiting, done := context.WithTimeout(ctx, time.Millisecond)
				m, err := src.Receive(waiting)
				done()
				if err != nil {
					break
				}
				var body struct{ Z int }
				taken := rand.IntN(3) == 0 && thefts.Load() <= passed.Load() // so that both get about half
				if json.Unmarshal(m.Body(), &body) == nil && taken {
					stolen.Store(body.Z, true)
					thefts.Add(1)
				}
				eip.Deliver(ctx, eip.HandlerFunc(func(context.Context, *eip.Message) error {
					if taken {
						return nil
					}
					return errors.New("it is left")
				}), m)
			}
			_ = src.Close()
		}
	})
	order := rand.Perm(letters)
	for _, i := range order {
		for {
			did, err := try[deadletter.Mended](t, p.client, "letters_edit", "orders", args{"ids": all[i].ID, "set": args{"body.is": "good"}})
			var e *control.Error
			switch {
			case err == nil && did.Outcome == deadletter.Passed:
				passed.Add(1)
			case errors.As(err, &e) && (e.Code == control.UnknownTarget || strings.Contains(e.Message, "taken it meanwhile")):
				if _, taken := stolen.Load(i); !taken && e.Code != control.UnknownTarget {
					continue // the thief has had it, and left it
				}
				gone.Add(1)
			default:
				t.Errorf("letter %d: %+v, %v", i, did, err)
			}
			break
		}
	}
	cancel()
	thieves.Wait()
	seen := map[int]int{}
	for _, m := range out.messages() {
		var body struct{ Z int }
		if err := json.Unmarshal(m.Body(), &body); err != nil {
			t.Fatal(err)
		}
		seen[body.Z]++
	}
	left := map[int]bool{}
	for _, l := range listed(t, p) {
		left[slices.IndexFunc(all, func(a control.Letter) bool { return a.ID == l.ID })] = true
	}
	for i := range letters {
		n := seen[i]
		if _, taken := stolen.Load(i); taken {
			n++
		}
		if left[i] {
			n++
		}
		if n != 1 {
			t.Errorf("letter %d was seen %d times: the flow %d, left %v", i, n, seen[i], left[i])
		}
	}
	if few := int64(letters / 5); passed.Load() < few || gone.Load() < few {
		t.Errorf("%d have passed, %d were gone", passed.Load(), gone.Load())
	}
}
