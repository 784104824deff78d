package expression

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
)

// workloads are expressions that do one thing again and again.
var workloads = []string{
	`all(1..900000, true)`, `all(1..900, all(1..900, # > 0))`, `filter(body.items, .id > 3 and .name != "x")`, `map(body.items, .id + 1)`, `reduce(1..900000, #acc + 1, 0)`,
	`all(1..900000, body.text matches "ab?c")`, `all(1..900000, body.text matches "(?i)zebra")`, `all(1..900000, body.text matches "([ab]*a[ab]{20}c)")`, `all(1..900000, not (body.text matches ".*.*.*=x"))`,
	`all(1..900000, not (body.word matches "([a-z]+)*=[0-9]"))`, `all(1..900000, body.word matches "^[a-z]+$")`, `all(1..900000, body.word matches body.pattern)`, `all(1..900000, not (body.as matches "(a?){30}b"))`, `all(1..900000, not (body.as matches "^b"))`,
	`all(1..900000, not (body.text contains "zzz"))`, `all(1..900000, body.text == body.same)`, `all(1..900000, body.list == body.list2)`, `all(1..900000, not (0 in body.list))`, `all(1..900000, not ("no" in body.words))`,
	`all(1..900000, upper(body.word) != "")`, `all(1..900000, upper(body.text) != "")`, `all(1..900000, lower(body.wide) != "")`, `all(1..900000, trim(body.text) != "")`, `all(1..900000, trim(body.as, "é") == "" or true)`, `all(1..900000, len(split(body.text, " ")) > 1)`, `all(1..900000, len(split(body.word, "")) > 1)`,
	`all(1..900000, replace(body.text, "a", "b") != "")`, `all(1..900000, indexOf(body.text, "zzz") < 0)`, `all(1..900000, lastIndexOf(body.text, "zzz") < 0)`, `all(1..900000, len(body.text) > 0)`, `all(1..900000, len(body.wide) > 0)`, `all(1..900000, len(body.list) > 0)`,
	`all(1..900000, toBase64(body.text) != "")`, `all(1..900000, fromBase64(body.base64) != "")`, `all(1..900000, toJSON(body.items) != "")`, `all(1..900000, len(fromJSON(body.json)) > 0)`, `all(1..900000, string(body.items) != "")`,
	`all(1..900000, string(1.5) != "")`, `all(1..900000, int("12345") > 0)`, `all(1..900000, float("12.345") > 0)`,
	`all(1..900000, len(sort(body.list)) > 0)`, `all(1..900000, len(sort(body.words)) > 0)`, `all(1..900000, len(sortBy(body.items, .name)) > 0)`, `all(1..900000, len(groupBy(body.items, .name)) > 0)`, `all(1..900000, len(uniq(body.words)) > 0)`, `all(1..900000, len(uniq(body.list)) > 0)`,
	`all(1..900000, max(body.list) > 0)`, `all(1..900000, mean(body.list) > 0)`, `all(1..900000, median(body.list) > 0)`, `all(1..900000, sum(body.list) > 0)`, `all(1..900000, len(reverse(body.list)) > 0)`, `all(1..900000, len(concat(body.list, body.list)) > 0)`, `all(1..900000, len(flatten([body.list, body.list])) > 0)`,
	`all(1..900000, len(keys(body.map)) > 0)`, `all(1..900000, len(values(body.map)) > 0)`, `all(1..900000, len(toPairs(body.map)) > 0)`, `let p = toPairs(body.map); all(1..900000, len(fromPairs(p)) > 0)`, `all(1..900000, body.word in body.map or true)`, `all(1..900000, body.map[body.word] == nil)`,
	`all(1..900000, join(body.words, ", ") != "")`, `all(1..900000, repeat("a", 100) != "")`, `all(1..900000, body.word + body.word != "")`, `all(1..900000, date("2024-01-02T03:04:05Z").Year() > 0)`, `all(1..900000, date("2024-01-02", "2006-01-02").Year() > 0)`, `all(1..900000, duration("1h30m").Seconds() > 0)`,
	`let t = now(); all(1..900000, t.Format("2006-01-02") != "")`, `let t = now(); all(1..900000, t.Format(body.text) != "")`, `all(1..900000, now().In(timezone("Europe/Berlin")).Year() > 0)`, `all(1..900000, headers.list[0] == 1)`, `all(1..900000, body.text[:10] == "the quick ")`, `all(1..900000, take(body.list, 10)[0] == 1)`,
}

func workMessage() *eip.Message {
	var b strings.Builder
	text := strings.Repeat("the quick brown fox jumps over 12 lazy dogs, abc ", 2000)
	item := func(n int, f func(i int) string) string {
		var all []string
		for i := range n {
			all = append(all, f(i))
		}
		return strings.Join(all, ",")
	}
	items := item(1000, func(i int) string { return fmt.Sprintf(`{"id":%d,"name":"name %d"}`, i, i%50) })
	list := item(2000, func(i int) string { return fmt.Sprint(1 + (i*7919)%2000) })
	fmt.Fprintf(&b, `{"text":%q,"same":%q,"word":"bananas","pattern":"^[a-z]+$","as":"%s","wide":"%s"`, text, text, strings.Repeat("a", 100_000), strings.Repeat("É", 50_000))
	fmt.Fprintf(&b, `,"list":[%s],"list2":[%s],"items":[%s],"words":[%s]`, list, list, items, item(1000, func(i int) string { return fmt.Sprintf(`"word %d"`, (i*7919)%1000) }))
	fmt.Fprintf(&b, `,"map":{%s},"json":%q,"base64":"%s"}`, item(500, func(i int) string { return fmt.Sprintf(`"key %d":%d`, i, i) }), "["+items+"]", strings.Repeat("YWJj", 10_000))
	m := eip.New([]byte(b.String()), nil)
	m.Headers = eip.Headers{"list": []any{1, 2, 3}}
	return m
}

// used evaluates, and returns how many steps that took.
func (p *program) used(ctx context.Context, m *eip.Message) (steps int, err error) {
	e := p.start(ctx, m, nil)
	defer func() { steps = p.limits.steps() - e.left }()
	defer e.end(&err)
	p.run(e)
	return 0, nil
}

// A budget is kept whatever is done in a loop, and what is counted is the same each
// time, however busy the machine is.
func TestWork_IsCounted(t *testing.T) {
	m := workMessage()
	for _, source := range workloads {
		t.Run(source, func(t *testing.T) {
			const budget = 4
			p, err := compile(source, value, &Limits{Work: budget})
			if err != nil {
				t.Fatal(err)
			}
			first, err := p.used(t.Context(), m)
			again, _ := p.used(t.Context(), m)
			if first != again {
				t.Errorf("took %d steps, and then %d", first, again)
			}
			if err != nil && strings.Contains(err.Error(), fmt.Sprintf("more than %d million steps", budget)) {
				return // what would have gone beyond it was not done
			}
			if first > budget*million {
				t.Errorf("took %d steps of %d: %v", first, budget*million, err)
			}
			p.limits.Work = 1
			if _, err := p.used(t.Context(), m); first > million && !eip.IsInvalid(err) {
				t.Errorf("took %d steps, and then no more than a million: %v", first, err)
			}
		})
	}
}

// A step is about a nanosecond, whatever is done.
func BenchmarkWork(b *testing.B) {
	m := workMessage()
	for _, source := range workloads {
		p, err := compile(source, value, &Limits{Work: 100})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			steps := 0
			for b.Loop() {
				steps, _ = p.used(b.Context(), m)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(steps), "ns/step")
		})
	}
}

// A pattern finds what the package regexp finds.
func TestPattern_Same(t *testing.T) {
	texts := []string{"", "a", "abc", "ab\ncd", "ABC", "é", "Éé", "\xff", "a\xffb", "aab", "foo bar", "x=1\ny=2\n", "ſ", "K", strings.Repeat("ab", 40)}
	for _, source := range []string{``, `a`, `abc`, `^a`, `a$`, `^$`, `(?m)^y`, `(?m)1$`, `(?i)k`, `(?i)abc`, `\bbar\b`, `\Bar`, `a|b|cd`, `(a*)*b`, `a{2,3}`, `[^a]`, `.`, `(?s).c`, `b.c`, `\xff`, `é+`, `(?i)é`, `\pL+$`,
		`^(ab)+$`, `x=.*y`, `\A\z`, `(|a)b`, `foo(bar)?`, `[[:upper:]]`, `bar$`, `(?:^|x)b`, `a\b`, `ab.*ab$`, `(?U)a+b`} {
		p, err := newPattern(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			e := &environment{left: math.MaxInt, program: &program{}, ctx: t.Context()}
			m := thompson{e: e, prog: p.prog, at: make([]uint32, len(p.prog.Inst))}
			if got, want := m.run(p, text), p.re.MatchString(text); got != want {
				t.Errorf("%q matches %q: %v, want %v", text, source, got, want)
			}
		}
	}
}
