package manage

import (
	"strings"
	"testing"
	"time"
)

var someCorrelations = map[string]correlation{
	"travels":   {kind: travels, nonce: 1<<64 - 1, number: 7, sent: time.UnixMilli(1_700_000_000_123), replyTo: "answers", id: "42", peer: "inbox-1"},
	"no peer":   {kind: travels, nonce: 0, number: 1 << 62, sent: time.UnixMilli(0), replyTo: "/temp-queue/ü", id: ""},
	"unwatched": {kind: unwatched, nonce: 5, number: 1, sent: time.UnixMilli(1), peer: "inbox-1"},
	"kept":      {kind: kept, nonce: 5, number: 1<<64 - 1, sent: time.UnixMilli(1_700_000_000_123)},
}

func TestCorrelation_ThereAndBack(t *testing.T) {
	for name, c := range someCorrelations {
		t.Run(name, func(t *testing.T) {
			id, fits := c.encode("shop.points")
			if !fits || len(id) > correlationMax {
				t.Fatalf("%q does not fit", id)
			}
			back, err := decodeCorrelation(id, "shop.points")
			if err != nil || back != c {
				t.Errorf("came back as %+v, %v; want %+v", back, err, c)
			}
			if _, err := decodeCorrelation(id, "shop.stock"); err == nil {
				t.Error("another stage takes it for its own")
			}
		})
	}
}

func TestCorrelation_RefusesWhatWasChanged(t *testing.T) {
	c := someCorrelations["travels"]
	id, _ := c.encode("shop.points")
	for i := range id {
		for _, r := range "Aa_-9=+ \n\r\x00" {
			changed := id[:i] + string(r) + id[i+1:]
			if _, err := decodeCorrelation(changed, "shop.points"); err == nil && changed != id {
				t.Errorf("takes %q", changed)
			}
		}
		if _, err := decodeCorrelation(id[:i], "shop.points"); err == nil {
			t.Errorf("takes the first %d characters", i)
		}
	}
	for _, more := range []string{"A", "\n", "\r\n"} {
		if _, err := decodeCorrelation(id+more, "shop.points"); err == nil {
			t.Errorf("takes it with %q behind", more)
		}
	}
}

// What fits is 255 characters long at most, and everything that can fit does.
func TestCorrelation_Fits(t *testing.T) {
	longest := 0
	for n := range 300 {
		c := correlation{kind: travels, nonce: 1, number: 1, sent: time.UnixMilli(1_700_000_000_123), replyTo: strings.Repeat("r", n), id: "id"}
		id, fits := c.encode("shop.points")
		if fits {
			longest = n
			if len(id) > correlationMax {
				t.Errorf("%d characters fit", len(id))
			}
		} else if n == longest+1 && n < 160 {
			t.Errorf("a return address of %d characters does not fit", n)
		}
	}
	if longest == 299 {
		t.Error("everything fits")
	}
}

func FuzzCorrelation(f *testing.F) {
	for _, c := range someCorrelations {
		id, _ := c.encode("shop.points")
		f.Add(id, byte(c.kind), c.nonce, c.number, c.sent.UnixMilli(), c.replyTo, c.id, c.peer)
	}
	f.Fuzz(func(t *testing.T, foreign string, kind byte, nonce, number uint64, sent int64, replyTo, id, peer string) {
		if c, err := decodeCorrelation(foreign, "shop.points"); err == nil {
			if again, fits := c.encode("shop.points"); !fits || again != foreign {
				t.Errorf("%q was read as %+v, which is %q", foreign, c, again)
			}
		}
		// What has a valid checksum may still be anything.
		forged := sealed(replyTo)
		if c, err := decodeCorrelation(forged, "shop.points"); err == nil {
			if again, fits := c.encode("shop.points"); fits && len(again) > len(forged) {
				t.Errorf("%q was read as %+v, which is %q", forged, c, again)
			}
		}
		c := correlation{kind: []correlationKind{kept, travels, unwatched}[kind%3], nonce: nonce, number: number, sent: time.UnixMilli(sent)}
		if c.kind != kept {
			c.replyTo, c.id, c.peer = replyTo, id, peer
		}
		if made, fits := c.encode("shop.points"); fits {
			if back, err := decodeCorrelation(made, "shop.points"); err != nil || back != c {
				t.Errorf("%+v came back as %+v, %v", c, back, err)
			}
		}
	})
}

// sealed gives any bytes a valid checksum.
func sealed(b string) string {
	sum := checksum("shop.points", []byte(b))
	return correlationText.EncodeToString(append([]byte(b), byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)))
}
