package content

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxDecoded is the most that a body may become when its content encoding is undone,
// in a flow that has no longest body.
const MaxDecoded = 64 << 20

const maxCodings = 3 // one in another

// known are the codings, by name.
var known = map[string]func(io.Reader) (io.Reader, error){
	"gzip": gunzip, "x-gzip": gunzip, "deflate": inflate,
}

// AddCoding makes a further content coding known. It is for init functions.
func AddCoding(name string, open func(io.Reader) (io.Reader, error)) { known[name] = open }

func gunzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

// inflate reads what HTTP calls deflate, and what some send as it.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, err := b.Peek(2); err == nil && head[0]&15 == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// A Coding is one content coding of a body. Open gives what is read of it undone.
type Coding struct {
	Name string
	Open func(io.Reader) (io.Reader, error)
}

// Codings returns those of a content encoding, first what was applied last, down to
// the first that is not known; whole where there is none such.
func Codings(encoding string) (all []Coding, whole bool, err error) {
	names := strings.Split(encoding, ",")
	if len(names) > maxCodings {
		return nil, false, fmt.Errorf("it has %d content encodings in one another", len(names))
	}
	for _, name := range slices.Backward(names) {
		name = strings.ToLower(strings.TrimSpace(name))
		open := known[name]
		if open == nil {
			return all, false, nil
		}
		all = append(all, Coding{name, open})
	}
	return all, true, nil
}
