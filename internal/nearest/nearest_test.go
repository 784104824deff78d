package nearest_test

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/nearest"
)

func TestOf(t *testing.T) {
	names := []string{"orders", "Invoices", "a", strings.Repeat("x", 201)}
	for given, want := range map[string]string{
		"orders": "orders", "ORDRS": "orders", "invoice": "Invoices", "b": "", "": "", "payments": "",
		strings.Repeat("x", 200): "", strings.Repeat("x", 201): "",
	} {
		if got := nearest.Of(given, names); got != want {
			t.Errorf("Of(%q) = %q, want %q", given, got, want)
		}
	}
}
