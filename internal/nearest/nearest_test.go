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

func TestHint(t *testing.T) {
	many := strings.Fields(strings.Repeat("xyz ", 25))
	for _, c := range []struct {
		given string
		names []string
		want  string
	}{
		{"ordrs", []string{"orders", "bills"}, "; did you mean orders?"},
		{"payments", []string{"orders", "bills"}, "; there is bills, orders"},
		{"payments", many, ""},
		{"payments", nil, ""},
	} {
		if got := nearest.Hint(c.given, c.names); got != c.want {
			t.Errorf("Hint(%q) = %q, want %q", c.given, got, c.want)
		}
	}
}
