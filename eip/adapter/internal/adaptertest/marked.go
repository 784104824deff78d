package adaptertest

const mark = "\ufeff"

// Marked are inputs that begin with a byte order mark, and the lines of at most 8
// bytes in them.
var Marked = map[string]struct {
	In   string
	Want []string
}{
	"one line":                  {mark + "a\n", []string{"a"}},
	"without an end":            {mark + "a", []string{"a"}},
	"with a carriage return":    {mark + "a\r\nb\r\n", []string{"a", "b"}},
	"as long as may be":         {mark + "12345678\r\nb\n", []string{"12345678", "b"}},
	"an empty line":             {mark + "\na\n", []string{"", "a"}},
	"nothing else":              {mark, nil},
	"in the middle it is text":  {"a\n" + mark + "b\n", []string{"a", mark + "b"}},
	"twice, the second is text": {mark + mark + "a\n", []string{mark + "a"}},
}

// UTF16 are inputs that say that they are in UTF-16.
var UTF16 = map[string]string{
	"little endian": "\xff\xfea\x00\n\x00b\x00\n\x00",
	"big endian":    "\xfe\xff\x00a\x00\n\x00b\x00\n",
	"one line":      "\xff\xfea\x00",
}
