package expression

import "strings"

// A Function is what expressions may call.
type Function struct{ Call, Does string }

func (f Function) Name() string {
	name, _, _ := strings.Cut(f.Call, "(")
	return name
}

// Catalogue lists the functions of expressions.
func Catalogue() []Function { return catalogue }

var catalogue = []Function{
	{"all(list, condition)", "Whether the condition holds for all elements; # is the element, .x its member x."},
	{"any(list, condition)", "Whether it holds for one or more."},
	{"none(list, condition)", "Whether it holds for none."},
	{"one(list, condition)", "Whether it holds for exactly one."},
	{"filter(list, condition)", "The elements for which it holds."},
	{"find(list, condition)", "The first of them, or nil."},
	{"findIndex(list, condition)", "Where the first of them is, from 0, or nil."},
	{"findLast(list, condition)", "The last of them, or nil."},
	{"findLastIndex(list, condition)", "Where the last of them is, or nil."},
	{"count(list, condition)", "How many of them there are; without a condition, how many elements are true."},
	{"map(list, expression)", "What the expression makes of each element."},
	{"sum(list, expression)", "The sum of the elements, or of what the expression makes of them."},
	{"groupBy(list, expression)", "A map of lists of the elements for which the expression is equal."},
	{"sortBy(list, expression, order)", "The elements in the order of the expression, \"asc\" or \"desc\"."},
	{"reduce(list, expression, start)", "One value of all elements; #acc is what was made so far."},
	{"sort(list, order)", "The elements in order, \"asc\" or \"desc\"."},
	{"reverse(list)", "The elements from the last to the first."},
	{"uniq(list)", "The elements without those that are equal to one before."},
	{"flatten(list)", "The elements of lists in lists."},
	{"concat(list, list, ...)", "One list of several."},
	{"first(list)", "The first element or character, or nil."},
	{"last(list)", "The last element or character, or nil."},
	{"take(list, n)", "The first n elements."},
	{"get(value, key)", "A member, element or character, or nil where there is none."},
	{"keys(map)", "Its keys."},
	{"values(map)", "Its values."},
	{"toPairs(map)", "Lists of a key and its value."},
	{"fromPairs(list)", "A map of such lists; of equal keys the last counts."},
	{"len(value)", "How many elements, keys or characters it has."},
	{"max(values)", "The largest number of lists or several values."},
	{"min(values)", "The smallest."},
	{"mean(values)", "Their mean."},
	{"median(values)", "Their median."},
	{"abs(number)", "The number without its sign."},
	{"ceil(number)", "The next whole number up."},
	{"floor(number)", "The next whole number down."},
	{"round(number)", "The nearest whole number."},
	{"int(value)", "A number without its fraction, or the whole number that a text is."},
	{"float(value)", "The nearest number of 64 bits; digits beyond them are lost."},
	{"string(value)", "Its text; of a number the digits that it was written with."},
	{"type(value)", "The name of its type."},
	{"toJSON(value)", "JSON on one line."},
	{"fromJSON(text)", "What is in JSON."},
	{"toBase64(text)", "Base64 of it."},
	{"fromBase64(text)", "What is in base64."},
	{"trim(text, characters)", "The text without white space, or those characters, around it."},
	{"trimPrefix(text, prefix)", "The text without what it may begin with."},
	{"trimSuffix(text, suffix)", "The text without what it may end with."},
	{"hasPrefix(text, prefix)", "Whether it begins so."},
	{"hasSuffix(text, suffix)", "Whether it ends so."},
	{"upper(text)", "It in capitals."},
	{"lower(text)", "It in small letters."},
	{"split(text, separator, n)", "The parts between separators, at most n."},
	{"splitAfter(text, separator, n)", "The same, each part with its separator."},
	{"join(list, separator)", "One text of a list of them."},
	{"replace(text, old, new, n)", "The text with the first n, or all, of old replaced."},
	{"repeat(text, n)", "The text n times."},
	{"indexOf(text, part)", "Where the part first is, in characters from 0, or -1."},
	{"lastIndexOf(text, part)", "Where it last is."},
	{"captures(text, pattern)", "A map of what the (?<name>…) groups of a regular expression match, or nil where it does not match."},
	{"now()", "The time."},
	{"date(text, layout, zone)", "The time that a text is."},
	{"duration(text)", "A length of time such as \"90s\"."},
	{"timezone(name)", "A time zone such as \"Europe/Berlin\"."},
	{"bitand(n, m)", "Bits that are set in both."},
	{"bitor(n, m)", "Bits that are set in one or both."},
	{"bitxor(n, m)", "Bits that are set in one of them."},
	{"bitnand(n, m)", "Bits of n that are not set in m."},
	{"bitnot(n)", "Bits that are not set."},
	{"bitshl(n, m)", "n shifted to the left by m bits."},
	{"bitshr(n, m)", "n shifted to the right."},
	{"bitushr(n, m)", "n shifted to the right, without its sign."},
}
