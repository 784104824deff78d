package expression_test

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
)

// The digits of a number are counted wherever they are looked at.
func TestNumbers_AreCounted(t *testing.T) {
	long := "1." + strings.Repeat("0", 1<<16) + "1"
	body := `{"a":` + long + `,"b":` + long + `,"one":1.` + strings.Repeat("0", 1<<16) + `,"l":[` + strings.Repeat(long[:1000]+"1,", 1000) + `1]}`
	for _, source := range []string{
		`all(1..900000, body.a == body.b)`, `all(1..900000, body.a <= body.b)`, `all(1..900000, body.a in [body.b])`, `all(1..900000, body.a in [1, 2] or true)`, `sum(1..900000, body.one)`, `all(1..900000, body.one + 1 > 0)`, `all(1..900000, -body.one < 0)`,
		`all(1..900000, abs(body.one) > 0)`, `all(1..900000, [1, 2][body.one] > 0)`, `all(1..900000, max(body.a, 1) > 0)`, `groupBy(1..900000, body.a)`, `sortBy(1..900000, body.a)`, `all(1..900000, len(uniq([body.a])) > 0)`, `all(1..900000, len(sort(body.l)) > 0)`,
		`all(1..900000, int(body.a) > 0)`, `all(1..900000, float(body.a) > 0)`, `all(1..900000, len(string(body.a)) > 0)`, `all(1..900000, len(toJSON(body.a)) > 0)`, `all(1..900000, (body.a ?? 1) == 1 or true)`, `all(1..900000, mean([body.one]) > 0)`, `all(1..900000, median([body.one]) > 0)`,
		`all(1..900000, len((1..body.one)) > 0)`, `all(1..900000, ({x: body.a} == {x: body.b}))`, `all(1..900000, len(fromPairs([[body.a, 1]])) > 0)`, `all(1..900000, len([1, 2][0:body.one]) > 0)`, `all(1..900000, body.one in 0..5)`, `reduce(1..900000, #acc + body.one)`,
	} {
		v, err := expression.Value(source, &expression.Limits{Work: 20})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v(t.Context(), eip.New([]byte(body), nil))
		if err == nil || !strings.Contains(err.Error(), "million steps") && !strings.Contains(err.Error(), "too much memory") {
			t.Errorf("%s = %.200v, %v", source, got, err)
		}
	}
}
