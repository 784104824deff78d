package setting

import (
	"errors"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// standard are the functions that settings may use, beside env and file. None of
// them depends on the time or on chance.
var standard = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
	"parseint": stdlib.ParseIntFunc, "signum": stdlib.SignumFunc, "pow": stdlib.PowFunc, "log": stdlib.LogFunc,
	"upper": stdlib.UpperFunc, "lower": stdlib.LowerFunc, "title": stdlib.TitleFunc, "strlen": stdlib.StrlenFunc, "substr": stdlib.SubstrFunc,
	"trim": stdlib.TrimFunc, "trimspace": stdlib.TrimSpaceFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc,
	"replace": stdlib.ReplaceFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "regexreplace": stdlib.RegexReplaceFunc,
	"join": stdlib.JoinFunc, "split": stdlib.SplitFunc, "chomp": stdlib.ChompFunc, "indent": stdlib.IndentFunc, "strrev": stdlib.ReverseFunc,
	"format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "formatdate": stdlib.FormatDateFunc,
	"length": stdlib.LengthFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
	"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc, "values": stdlib.ValuesFunc, "lookup": stdlib.LookupFunc,
	"merge": stdlib.MergeFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
	"zipmap": stdlib.ZipmapFunc, "compact": stdlib.CompactFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
	"jsonencode": stdlib.JSONEncodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "csvdecode": stdlib.CSVDecodeFunc,
	"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
	"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
}

// Functions returns the standard functions and those of more, each within the
// budget.
func (b *Budget) Functions(more map[string]function.Function) map[string]function.Function {
	all := map[string]function.Function{}
	for name, f := range standard {
		all[name] = b.bounded(name, f)
	}
	for name, f := range more {
		all[name] = b.bounded(name, f)
	}
	return all
}

// fixed are the functions that find what the process can see.
var fixed = map[string]bool{"env": true, "file": true}

var errPrivate = errors.New("it fails with this value, which came from the environment or a file, and so no more is said")

// JSON reads a text of JSON within the budget.
func (b *Budget) JSON(text string) (cty.Value, error) {
	v, err := b.bounded("jsondecode", stdlib.JSONDecodeFunc).Call([]cty.Value{cty.StringVal(text)})
	if b.over != nil {
		panic(*b.over)
	}
	return v, err
}

// bounded is a function that first counts what a call will do. It takes any values,
// and converts them itself: HCL would do it before anything is counted.
func (b *Budget) bounded(name string, f function.Function) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(cty.DynamicPseudoType)}
	takeAny := func(p function.Parameter) function.Parameter {
		return function.Parameter{Name: p.Name, Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}
	}
	types := []cty.Type{}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, takeAny(p))
		types = append(types, p.Type)
	}
	if p := f.VarParam(); p != nil {
		rest := takeAny(*p)
		spec.VarParam = &rest
		types = append(types, p.Type)
	}
	spec.Impl = func(given []cty.Value, _ cty.Type) (cty.Value, error) {
		args, marks := make([]cty.Value, len(given)), []cty.ValueMarks{}
		hide := func(err error) error {
			if !slices.ContainsFunc(marks, isPrivate) {
				return err
			}
			if arg := (function.ArgError{}); errors.As(err, &arg) {
				return function.NewArgError(arg.Index, errPrivate)
			}
			return errPrivate
		}
		known := true
		for i, v := range given {
			plain, m := v.UnmarkDeep()
			if args[i] = plain; len(m) > 0 {
				marks = append(marks, m)
			}
			known = known && plain.IsWhollyKnown()
			if of := dynamicIn(m); fixed[name] && of != nil {
				return cty.NilVal, function.NewArgErrorf(i, "what is read cannot depend on var.%s, which is dynamic: it may be given from outside", of[0])
			}
		}
		if known {
			b.before(name, args)
		}
		for i, v := range args {
			var err error
			if args[i], err = b.Convert(v, types[min(i, len(types)-1)]); err != nil {
				return cty.NilVal, hide(function.NewArgError(i, err))
			}
		}
		v, err := f.Call(args)
		if fault := (function.PanicError{}); errors.As(err, &fault) {
			err = errors.New("it cannot be done with this value")
		}
		if err != nil {
			return cty.NilVal, hide(err)
		}
		if !parts[name] {
			(&evaluation{Budget: b}).check(v, true)
		}
		return v.WithMarks(marks...), nil
	}
	return function.New(spec)
}
