package eip_test

import (
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// Nothing from outside passes for ours but what says why a message failed, and the
// mark of a Test Message.
func TestHeaders_FromOutside(t *testing.T) {
	id := eip.NewID()
	for name, c := range map[string]struct {
		value any
		kept  bool
	}{
		"eip-reason": {"x", true}, "EIP-reason": {"x", false}, "eip-other": {"x", false}, "eip-slip": {"x", true}, "Eip-Slip": {"x", false}, "Eip-Test": {id, false}, "eip-test": {id, true}, "order": {"x", true},
	} {
		if _, kept := (eip.Headers{name: c.value}).FromOutside()[name]; kept != c.kept {
			t.Errorf("%s: kept is %v", name, kept)
		}
	}
	for _, v := range []any{"", "1", true, id + "0", id[1:] + "x", []byte(id)} {
		if _, kept := (eip.Headers{header.Test: v}).FromOutside()[header.Test]; kept {
			t.Errorf("%v passes for a Test Message's identifier", v)
		}
	}
}
