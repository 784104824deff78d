package routing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/store"
)

// position is what is remembered of a sequence.
type position struct {
	Next    int      `json:"next"`
	Skipped [][2]int `json:"skipped,omitempty"` // from and to, of those before
}

// mostNumber is how large numbers are.
const mostNumber = 1 << 53

// mostSkipped is how many gaps are remembered of a sequence.
const mostSkipped = 100

// read returns what is remembered under a key; where nothing is, a sequence begins.
func (r *Resequencer) read(tx store.Reader, key string) (p position, err error) {
	p.Next = r.First
	if v, due := tx.Get(key); due.After(r.env.Clock.Now()) {
		if err = json.Unmarshal(v, &p); err != nil {
			err = eip.Permanent(fmt.Errorf("how far the sequence is cannot be read: %w", err))
		}
	}
	return p, err
}

// advanced is the step that a message had its turn.
func (r *Resequencer) advanced(m *placed) func(store.Tx) error {
	return func(tx store.Tx) error {
		p, err := r.read(tx, m.key)
		if err != nil {
			return err
		}
		p.advance(m.number)
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		tx.Put(m.key, value, r.env.Clock.Now().Add(r.ForgetAfter))
		return tx.Err()
	}
}

// advance is past number n. What is before it and did not come is skipped.
func (p *position) advance(n int) {
	if n >= p.Next {
		p.skip(n)
		p.Next = n + 1
	}
}

// skip goes to number n.
func (p *position) skip(n int) {
	if n > p.Next {
		p.Skipped = append(slices.Clip(p.Skipped), [2]int{p.Next, n - 1})
		p.Skipped = p.Skipped[max(0, len(p.Skipped)-mostSkipped):]
		p.Next = n
	}
}

func (p *position) skipped(n int) bool {
	return slices.ContainsFunc(p.Skipped, func(s [2]int) bool { return s[0] <= n && n <= s[1] })
}

// sequenceKey is how a key is kept.
func sequenceKey(test bool, key string) string {
	kind := "s"
	if test {
		kind = "t"
	}
	if len(key) <= 1<<10 {
		return kind + "=" + key
	}
	sum := sha256.Sum256([]byte(key))
	return kind + "#" + hex.EncodeToString(sum[:])
}

func (s *sequenced) isTest() bool { return isTestKey(s.key) }

func isTestKey(kept string) bool { return kept[:1] == "t" }

func wholeNumber(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case int64:
		return int(v), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= mostNumber {
			return int(v), nil
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n), nil
		}
		f, _ := v.Float64() // 3.0 is as whole as 3; what is too large is infinite
		return wholeNumber(f)
	}
	what := content.KindOf(v)
	if f, ok := v.(float64); ok && math.Abs(f) > mostNumber {
		what = "a number that is too large"
	}
	return 0, fmt.Errorf("the expression gives %s, and no whole number", what)
}
