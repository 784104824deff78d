package expression

import (
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

// Places in a text are counted in characters, as len counts them.

// slice is v[from:to].
func (e *environment) slice(args []any) any {
	from, to := 0, int(^uint(0)>>1)
	if args[1] != nil {
		from = runtime.ToInt(args[1])
	}
	if args[2] != nil {
		to = runtime.ToInt(args[2])
	}
	s, ok := args[0].(string)
	if !ok {
		return runtime.Slice(args[0], from, to)
	}
	e.work(perElement + len(s))
	n := utf8.RuneCountInString(s)
	if from < 0 {
		from = max(0, n+from)
	}
	if to < 0 {
		to = max(0, n+to)
	}
	to = min(to, n)
	from = min(from, to)
	return s[offset(s, n, from):offset(s, n, to)]
}

// offset is where the i-th of n characters starts.
func offset(s string, n, i int) int {
	if n == len(s) || i == 0 {
		return i
	}
	if i == n {
		return len(s)
	}
	return byteOffset(s, i)
}

// items makes a list of a text's characters, and leaves a list or map alone.
func (e *environment) items(v any) any {
	e.digits(v)
	v = numeric(v)
	s, ok := v.(string)
	if !ok {
		return v
	}
	e.build(16 * len(s))
	e.work(perElement + 4*len(s))
	all := make([]string, 0, len(s))
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		all = append(all, s[:size])
		s = s[size:]
	}
	return all
}

// characters is indexOf or lastIndexOf.
func characters(name string) function {
	f := ofText(name, 2, 0)
	return func(e *environment, args []any) any {
		i := f(e, args).(int)
		if i <= 0 {
			return i
		}
		return utf8.RuneCountInString(args[0].(string)[:i])
	}
}
