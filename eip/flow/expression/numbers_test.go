package expression_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression"
)

// evaluated is the body that an expression makes, or that its message is invalid.
func evaluated(t *testing.T, source, body string, headers eip.Headers) string {
	t.Helper()
	v, err := expression.Value(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return result(t, v, source, body, headers)
}

func result(t *testing.T, v eip.Value, source, body string, headers eip.Headers) string {
	t.Helper()
	m := eip.New([]byte(body), nil).With(func(m *eip.Message) { m.ContentType, m.Headers = "application/json", headers })
	got, err := v(t.Context(), m)
	if err == nil {
		var out []byte
		if out, _, err = content.Encode([]any{got}); err == nil {
			return string(out[1 : len(out)-1])
		}
		err = eip.Invalid(err)
	}
	if !eip.IsInvalid(err) {
		t.Fatalf("%s on %s: %v is no invalid message", source, body, err)
	}
	return "invalid: " + err.Error()
}

var written = []string{
	"0", "-0", "7", "-7", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "12345678901234567890", "18446744073709551615", "9007199254740993",
	"1.0", "-0.0", "0.0", "1.50", "1e3", "1E3", "1e+3", "1e-7", "1e-07", "0.000001", "0.0000001", "1e21", "1e+21", "1e400", "-1e400", "1e-400", "1e99999999999999999999",
	"1234567890123456.78", "0.30000000000000004", "0.1000000000000000055511151231257827", "40.71277599999999", "9007199254740993.0", "123456789012345680000", strings.Repeat("9", 400),
}

// What no expression computes with leaves as it came.
func TestNumbers_LeaveAsTheyCame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	all := written
	for range 3000 {
		n := []string{"", "-"}[r.IntN(2)] + string(byte('1'+r.IntN(9))) + digits(r.IntN(22))
		if r.IntN(2) == 0 {
			n += "." + digits(1+r.IntN(20))
		}
		if r.IntN(3) == 0 {
			n += []string{"e", "E"}[r.IntN(2)] + []string{"", "+", "-"}[r.IntN(3)] + digits(1+r.IntN(4))
		}
		all = append(all, n)
	}
	for source, shape := range map[string]string{
		`{id: body.id}`: `{"id":%s}`, `body`: `{"id":%[1]s,"l":[%[1]s,{"x":[%[1]s]}]}`, `map(body.l, #)`: `[%[1]s,{"x":[%[1]s]}]`, `filter(body.l, true)`: `[%[1]s,{"x":[%[1]s]}]`,
		`fromJSON(toJSON(body.l))`: `[%[1]s,{"x":[%[1]s]}]`, `body.l[1].x[0]`: `%s`, `{a: {b: [body.l[0]]}}`: `{"a":{"b":[%s]}}`, `let n = body.id; [n]`: `[%s]`, `string(body.id)`: `"%s"`,
		`toJSON(body.id)`: `"%s"`, `first(body.l)`: `%s`, `reverse(body.l)`: `[{"x":[%[1]s]},%[1]s]`, `body.id ?? 1`: `%s`, `true ? body.id : 1`: `%s`, `get(body, "id")`: `%s`, `flatten([[body.id]])`: `[%s]`,
		`concat([body.id], [body.id])`: `[%[1]s,%[1]s]`, `uniq([body.id, body.id])`: `[%s]`, `sort([body.id])`: `[%s]`, `max(body.id, body.id)`: `%s`, `sortBy([body.id], #)`: `[%s]`, `values({a: body.id})`: `[%s]`,
		`reduce([body.id], #acc, [body.id])`: `[%s]`, `find(body.l, true)`: `%s`, `body?.id`: `%s`, `take(body.l, 1)`: `[%s]`, `fromPairs([["k", body.id]])`: `{"k":%s}`,
	} {
		v, err := expression.Value(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		for _, n := range all {
			if strings.Contains(n, "99999999999999999999") && strings.Contains("uniq sort max", source[:3]) {
				continue
			}
			body := fmt.Sprintf(`{"id":%[1]s,"l":[%[1]s,{"x":[%[1]s]}]}`, n)
			want := fmt.Sprintf(shape, n)
			if strings.Contains(shape, "%!") {
				t.Fatal(shape)
			}
			if got := result(t, v, source, body, nil); got != want {
				t.Fatalf("%s on %s = %s, want %s", source, body, got, want)
			}
		}
	}
	text, err := expression.Text(`body.id`)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range written[:12] {
		m := eip.New([]byte(`{"id":`+n+`}`), nil)
		if got, err := text(t.Context(), m); got != n || err != nil {
			t.Errorf("text of %s = %s, %v", n, got, err)
		}
	}
}

// Each of them runs as closures, on the machine, and in a loop.
func TestNumbers_Compare(t *testing.T) {
	const body = `{"a":12345678901234567890,"b":12345678901234567891,"c":12345678901234567890.0,"d":1234567890123456789e1,"one":1,"float":1.0,"e":1e400,"f":10e399,
		"i":9223372036854775807,"g":9223372036854776000,"m":9007199254740993,"n":9007199254740992.0,"t":"12345678901234567890","z":-0,"zero":0,"tenth":0.10,"l":[12345678901234567890,1.0]}`
	for condition, want := range map[string]bool{
		`body.a == body.b`: false, `body.a != body.b`: true, `body.a == body.c`: true, `body.a == body.d`: true, `body.a < body.b`: true, `body.b <= body.a`: false, `body.b > body.a`: true, `body.a >= body.d`: true,
		`body.a == body.t`: false, `body.t == body.a`: false, `body.a == nil`: false, `body.a == "x"`: false, `body.a == true`: false, `body.a == [1]`: false,
		`body.one == body.float`: true, `body.float == 1`: true, `body.float == 1.0`: true, `body.float < 2`: true, `2.5 > body.float`: true, `body.float in [1]`: true, `body.float in [2, 1.0]`: true, `body.float in [2]`: false,
		`body.float in [body.one]`: true, `body.a in [body.b]`: false, `body.a in [body.b, body.c]`: true, `body.a in body.l`: true, `body.b in body.l`: false, `1 in body.l`: true, `body.float in 0..3`: true, `body.tenth in 0..3`: false,
		`body.e == body.f`: true, `body.e > body.a`: true, `body.e > 1e308`: true, `body.i == body.g`: false, `body.i < body.g`: true, `body.m == body.n`: false, `body.m > body.n`: true, `body.m == 9007199254740992.0`: false,
		`body.z == 0`: true, `body.z == body.zero`: true, `body.tenth == 0.1`: true, `[body.a] == [body.b]`: false, `[body.a] == [body.c]`: true, `{x: body.a} == {x: body.b}`: false, `{x: body.one} == {x: body.float}`: true,
		`body.l == [body.d, 1]`: true, `[1, 2] == [body.float, 2]`: true, `(1..1) == [body.float]`: true, `body.a > 5`: true, `body.a > 5.5`: true, `-1 < body.a`: true, `9223372036854775807 < body.a`: true,
	} {
		for _, source := range []string{condition, `let v = 1; ` + condition, `all(1..2, (` + condition + `))`, `let b = body; ` + strings.ReplaceAll(condition, "body.", "b.")} {
			if got := evaluated(t, source, body, nil); got != fmt.Sprint(want) {
				t.Errorf("%s = %s", source, got)
			}
		}
	}
}

func TestNumbers_Compute(t *testing.T) {
	const body = `{"huge":12345678901234567890,"big":9223372036854775807,"small":-9223372036854775808,"m":9007199254740993,"f":1.0,"d":1.50,"p":1234567890123456.78,"e":1e400,"k":1e3,"l":[1.0,2.50],"x":[12345678901234567890,1,1.0],"o":[9223372036854775807,1],"s":"x"}`
	for source, want := range map[string]string{
		`body.f + 1`: `2`, `body.d * 2`: `3`, `body.k / 4`: `250`, `1 - body.d`: `-0.5`, `-body.d`: `-1.5`, `body.f ** 2`: `1`, `abs(body.d)`: `1.5`, `floor(body.d)`: `1`, `round(body.d)`: `2`, `int(body.f)`: `1`, `int(body.p)`: `1234567890123456`,
		`float(body.p)`: `1234567890123456.8`, `sum(body.l)`: `3.5`, `sum(body.l, # * 2)`: `7`, `mean(body.l)`: `1.75`, `median(body.l)`: `1.75`, `max(body.l)`: `2.50`, `min(body.x)`: `1`, `max(body.x)`: `12345678901234567890`,
		`sort(body.x)`: `[1,1.0,12345678901234567890]`, `sortBy(body.x, #, "desc")`: `[12345678901234567890,1,1.0]`, `sortBy(body.x, # == 1 ? 0 : 1)`: `[1,1.0,12345678901234567890]`, `uniq(body.x)`: `[12345678901234567890,1]`, `count(body.x, # == 1)`: `2`, `find(body.x, # < 5)`: `1`,
		`body.l[body.f]`: `2.50`, `type(body.f)`: `"float"`, `sum([])`: `0`, `sum(1..4)`: `10`, `reduce(body.l, #acc + #)`: `3.5`, `body.big + 0`: `9223372036854775807`, `sum(body.l, #) + 1`: `4.5`, `[1, 2.0][body.f]`: `2`, `body.m % 2`: `1`,
		`body.huge + 1`: `invalid`, `1 + body.huge`: `invalid`, `body.huge - 1`: `invalid`, `body.huge * 1`: `invalid`, `body.huge / 2`: `invalid`, `body.huge % 2`: `invalid`, `-body.huge`: `invalid`, `body.huge ** 2`: `invalid`, `body.p + 1`: `invalid`, `body.e * 0`: `invalid`,
		`abs(body.huge)`: `invalid`, `floor(body.p)`: `invalid`, `int(body.huge)`: `invalid`, `float(body.e)`: `invalid`, `sum(body.x)`: `invalid`, `mean(body.x)`: `invalid`, `median(body.x)`: `invalid`, `body.m + 0.5`: `invalid`, `body.m / 1`: `invalid`,
		`body.m * 1.0`: `invalid`, `body.big + 1`: `invalid`, `body.small - 1`: `invalid`, `body.big * 2`: `invalid`, `-body.small`: `invalid`, `body.small * -1`: `invalid`, `-1 * body.small`: `invalid`, `abs(body.small)`: `invalid`, `sum(body.o)`: `invalid`, `sum(body.o, #)`: `invalid`,
		`mean([body.m])`: `invalid`, `ceil(body.m)`: `invalid`, `reduce(body.o, #acc + #)`: `invalid`, `body.huge..5`: `invalid`, `len(body.huge)`: `invalid`, `body.huge[0:2]`: `invalid`, `body.huge[0]`: `invalid`, `first(body.huge)`: `invalid`, `body.huge + "x"`: `invalid`,
		`"x" + body.huge`: `invalid`, `body.huge contains "1"`: `invalid`, `body.huge matches "1"`: `invalid`, `upper(body.huge)`: `invalid`, `body.huge.x`: `invalid`, `let h = body.huge; h.Float64()`: `invalid`, `let h = body.huge; h.String`: `invalid`,
		`first(body.x).Float64()`: `invalid`, `!body.huge`: `invalid`, `body.huge < "x"`: `invalid`, `split(body.huge, "1")`: `invalid`, `(body | keys())[body.huge]`: `invalid`, `repeat("a", body.huge)`: `invalid`, `map(body.huge, #)`: `invalid`, `join(body.x)`: `invalid`,
	} {
		for _, source := range []string{source, `let v = 1; ` + source, `map(1..1, ` + source + `)[0]`} {
			got := evaluated(t, source, body, nil)
			if want == "invalid" && strings.HasPrefix(got, "invalid: ") && !strings.Contains(got, "json.Number") && !strings.Contains(got, "reflect") {
				continue
			}
			if got != want {
				t.Errorf("%s = %s, want %s", source, got, want)
			}
		}
	}
}

// Headers have numbers that no int or float64 is, too.
func TestNumbers_OfHeaders(t *testing.T) {
	headers := eip.Headers{"u": uint64(18446744073709551615), "d": eip.Decimal{Scale: 2, Value: -1990}, "h": eip.Decimal{Scale: 1, Value: 5}, "t": eip.Headers{"u": uint64(18446744073709551614)}}
	for source, want := range map[string]string{
		`headers.u`: `18446744073709551615`, `headers.d`: `-19.90`, `headers.h * 2`: `1`, `headers.t.u < headers.u`: `true`, `filter([headers.u], # == headers.t.u)`: `[]`, `headers`: `{"d":-19.90,"h":0.5,"t":{"u":18446744073709551614},"u":18446744073709551615}`,
		`map([1], headers.d)`: `[-19.90]`, `headers.u == body`: `true`, `any([1], headers["u"] > #)`: `true`,
	} {
		if got := evaluated(t, source, `18446744073709551615`, headers); got != want {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
}

// A program goes back to the quick code when such numbers come no more.
func TestNumbers_InTurns(t *testing.T) {
	v, err := expression.Value(`filter(body, # > 1.5)`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, body := range []string{`[1,2]`, `[1.0,2.0]`, `[1,12345678901234567890]`, `[2.5]`} {
			got, err := v(t.Context(), eip.New([]byte(body), nil))
			if err != nil || fmt.Sprint(got) != map[string]string{`[1,2]`: "[2]", `[1.0,2.0]`: "[2.0]", `[1,12345678901234567890]`: "[12345678901234567890]", `[2.5]`: "[2.5]"}[body] {
				t.Errorf("%s: %v, %v", body, got, err)
			}
		}
	}
}

// Equal keys gather, and others never become one.
func TestKeys(t *testing.T) {
	for source, want := range map[string]string{
		`groupBy(body.l, .k)`:                       `{"7":[{"k":7,"v":"a"},{"k":7.0,"v":"b"},{"k":7e0,"v":"c"}]}`,
		`groupBy(body.h, #)`:                        `{"12345678901234567890":[12345678901234567890,12345678901234567890.0],"12345678901234567891":[12345678901234567891]}`,
		`groupBy(body.n, #)`:                        `{"-0.5":[-0.50,-0.5],"0":[0,-0,0.0]}`,
		`toJSON(groupBy(body.l, .k))`:               `"{\"7\":[{\"k\":7,\"v\":\"a\"},{\"k\":7.0,\"v\":\"b\"},{\"k\":7e0,\"v\":\"c\"}]}"`,
		`len(groupBy(body.l, .k)[7])`:               `3`,
		`len(groupBy(body.l, .k)[body.l[1].k])`:     `3`,
		`body.l[1].k in groupBy(body.l, .k)`:        `true`,
		`groupBy(body.mixed, #)`:                    `invalid`,
		`groupBy([nil, ""], #)`:                     `invalid`,
		`groupBy([true, "true"], #)`:                `invalid`,
		`{a: groupBy(body.mixed, #)}`:               `invalid`,
		`len(groupBy(body.mixed, #))`:               `2`,
		`fromPairs([[7, "a"], [body.l[1].k, "b"]])`: `{"7":"b"}`,
		`fromPairs([[7, "a"], ["7", "b"]])`:         `invalid`,
		`groupBy(body.t, date(#))`:                  `{"2026-01-01T10:00:00Z":["2026-01-01T12:00:00+02:00","2026-01-01T10:00:00Z","2026-01-01T12:00:00+02:00"]}`,
	} {
		got := evaluated(t, source, `{"l":[{"k":7,"v":"a"},{"k":7.0,"v":"b"},{"k":7e0,"v":"c"}],"h":[12345678901234567890,12345678901234567891,12345678901234567890.0],"n":[0,-0,0.0,-0.50,-0.5],"mixed":[7,"7"],
			"t":["2026-01-01T12:00:00+02:00","2026-01-01T10:00:00Z","2026-01-01T12:00:00+02:00"]}`, nil)
		if got != want && !(want == "invalid" && strings.HasPrefix(got, "invalid")) {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
}

// Places in a text are counted in characters.
func TestCharacters(t *testing.T) {
	for source, want := range map[string]string{
		`body.s[0:2]`: `"Zü"`, `body.s[1:]`: `"ürich"`, `body.s[:-4]`: `"Zü"`, `body.s[-4:]`: `"rich"`, `body.s[2:1]`: `""`, `body.s[0:99]`: `"Zürich"`, `body.s[0:len(body.s)]`: `"Zürich"`, `body.s[1]`: `"ü"`, `body.s[-1]`: `"h"`,
		`body.s[9]`: `invalid`, `body?.s[0:2]`: `"Zü"`, `body?.s?.[1]`: `"ü"`, `body.none?.[1]`: `null`, `[body.none?.[0], 1, body.none?.[0]?.[1].y]`: `[null,1,null]`, `"a" + string(body.none?.[1] ?? "b") + "c"`: `"abc"`, `"Zürich"[1:2]`: `"ü"`,
		`indexOf(body.s, "r")`: `2`, `lastIndexOf(body.s + body.s, "ü")`: `7`, `indexOf(body.s, "x")`: `-1`, `body.s[indexOf(body.s, "ü"):]`: `"ürich"`, `first(body.s)`: `"Z"`, `last(body.s)`: `"h"`, `get(body.s, 1)`: `"ü"`, `get(body.s, 9)`: `null`,
		`split(body.s, "ü")`: `["Z","rich"]`, `split(body.s, "")`: `["Z","ü","r","i","c","h"]`, `len(body.e)`: `2`, `body.e[1:]`: `"é"`, `body.l[0:1]`: `["ä"]`, `body.l[1]`: `"ö"`, `map(body.l, #[0:1])`: `["ä","ö"]`, `body.l[0][0]`: `"ä"`, `len(body.s[0:3])`: `3`,
		`body.s[body.f:]`: `"ürich"`, `filter(body.l, #[0] == "ö")`: `["ö"]`, `body.none[0:1]`: `invalid`, `body.n[0:1]`: `invalid`, `body.n[0]`: `invalid`, `get(body.n, 0)`: `null`,
	} {
		got := evaluated(t, source, `{"s":"Zürich","e":"😀é","l":["ä","ö"],"n":5,"f":1.0}`, nil)
		if got != want && !(want == "invalid" && strings.HasPrefix(got, "invalid")) {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
}

// What is no text is not made one.
func TestText_IsNotRepaired(t *testing.T) {
	for _, body := range []string{`{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800\ud800"}`, `{"a":"\ud800\u0041"}`, `{"\ud800":1}`, "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}"} {
		for _, source := range []string{`body`, `body.a`, `body.b`, `body?.a == 1`, `{a: body.a}`} {
			if got := evaluated(t, source, body, nil); !strings.HasPrefix(got, "invalid") {
				t.Errorf("%s on %q = %s", source, body, got)
			}
		}
		if got := evaluated(t, `message.content_type`, body, nil); got != `"application/json"` {
			t.Errorf("a body that is not read: %s", got)
		}
		if got := evaluated(t, `fromJSON(headers.b).a`, `{}`, eip.Headers{"b": body}); !strings.HasPrefix(got, "invalid") {
			t.Errorf("fromJSON of %q: %s", body, got)
		}
	}
	for _, source := range []string{`{a: string(headers.b)}`, `[fromBase64("/w==")]`, `toJSON(fromBase64("/w=="))`, `{(string(headers.b)): 1}`} {
		if got := evaluated(t, source, `{}`, eip.Headers{"b": []byte("\xff")}); !strings.HasPrefix(got, "invalid") {
			t.Errorf("%s = %s", source, got)
		}
	}
	if got := evaluated(t, `[body]`, `"\ufffd � \\ufffd \ud83d\ude00"`, nil); got != `["� � \\ufffd 😀"]` {
		t.Errorf("got %s", got)
	}
}
