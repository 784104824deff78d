package eip

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a size. As text it is a number with an optional unit: B, KB, MB, GB
// (powers of 1000), KiB, MiB, GiB (powers of 1024).
type Bytes int64

var byteUnits = []struct {
	name string
	size float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, unit := strings.TrimSpace(string(text)), 1.0
	for _, u := range byteUnits {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			s, unit = strings.TrimSpace(s[:len(s)-len(u.name)]), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n*unit >= 1<<63 {
		return fmt.Errorf("%q is no size; write a number with B, KB, MB, GB, KiB, MiB or GiB", text)
	}
	*b = Bytes(n * unit)
	return nil
}

func (b Bytes) String() string {
	for _, u := range []int{2, 1, 0} {
		if size := int64(byteUnits[u].size); b != 0 && int64(b)%size == 0 {
			return strconv.FormatInt(int64(b)/size, 10) + byteUnits[u].name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
