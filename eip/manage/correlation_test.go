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

var points = newSeal("shop.points", "s")

func TestCorrelation_ThereAndBack(t *testing.T) {
	for name, c := range someCorrelations {
		t.Run(name, func(t *testing.T) {
			id, fits := points.encode(&c)
			if !fits || len(id) > correlationMax {
				t.Fatalf("%q does not fit", id)
			}
			back, err := points.decode(id)
			if err != nil || back != c {
				t.Errorf("came back as %+v, %v; want %+v", back, err, c)
			}
			for what, other := range map[string]*seal{"another stage": newSeal("shop.stock", "s"), "another secret": newSeal("shop.points", "t"), "no secret": newSeal("shop.points", ""),
				"a part of the name": newSeal("shop", "s"), "name and secret exchanged": newSeal("s", "shop.points")} {
				if _, err := other.decode(id); err == nil {
					t.Errorf("%s takes it for its own", what)
				}
			}
		})
	}
}

func TestCorrelation_RefusesWhatWasChanged(t *testing.T) {
	c := someCorrelations["travels"]
	id, _ := points.encode(&c)
	for i := range id {
		for _, r := range "Aa_-9=+ \n\r\x00" {
			changed := id[:i] + string(r) + id[i+1:]
			if _, err := points.decode(changed); err == nil && changed != id {
				t.Errorf("takes %q", changed)
			}
		}
		if _, err := points.decode(id[:i]); err == nil {
			t.Errorf("takes the first %d characters", i)
		}
	}
	for _, more := range []string{"A", "\n", "\r\n"} {
		if _, err := points.decode(id + more); err == nil {
			t.Errorf("takes it with %q behind", more)
		}
	}
}

// What fits is 255 characters long at most, and everything that can fit does.
func TestCorrelation_Fits(t *testing.T) {
	longest := 0
	for n := range 300 {
		c := correlation{kind: travels, nonce: 1, number: 1, sent: time.UnixMilli(1_700_000_000_123), replyTo: strings.Repeat("r", n), id: "id"}
		id, fits := points.encode(&c)
		if fits {
			longest = n
			if len(id) > correlationMax {
				t.Errorf("%d characters fit", len(id))
			}
		} else if n == longest+1 && n < 130 {
			t.Errorf("a return address of %d characters does not fit", n)
		}
	}
	if longest == 299 {
		t.Error("everything fits")
	}
}

func FuzzCorrelation(f *testing.F) {
	for _, c := range someCorrelations {
		id, _ := points.encode(&c)
		f.Add(id, byte(c.kind), c.nonce, c.number, c.sent.UnixMilli(), c.replyTo, c.id, c.peer)
	}
	f.Fuzz(func(t *testing.T, foreign string, kind byte, nonce, number uint64, sent int64, replyTo, id, peer string) {
		if c, err := points.decode(foreign); err == nil {
			if again, fits := points.encode(&c); !fits || again != foreign {
				t.Errorf("%q was read as %+v, which is %q", foreign, c, again)
			}
		}
		// What has a valid sum may still be anything.
		forged := sealed(replyTo)
		if c, err := points.decode(forged); err == nil {
			if again, fits := points.encode(&c); fits && len(again) > len(forged) {
				t.Errorf("%q was read as %+v, which is %q", forged, c, again)
			}
		}
		c := correlation{kind: []correlationKind{kept, travels, unwatched}[kind%3], nonce: nonce, number: number, sent: time.UnixMilli(sent)}
		if c.kind != kept {
			c.replyTo, c.id, c.peer = replyTo, id, peer
		}
		if made, fits := points.encode(&c); fits {
			if back, err := points.decode(made); err != nil || back != c {
				t.Errorf("%+v came back as %+v, %v", c, back, err)
			}
		}
	})
}

// sealed gives any bytes a valid sum.
func sealed(b string) string {
	return correlationText.EncodeToString(append([]byte(b), points.appendSum(nil, []byte(b))...))
}
