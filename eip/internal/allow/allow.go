// Package allow is the option allow of stages: the channels and adapters that what comes
// at run time, such as a message, may name.
package allow

import "github.com/eipd/eipd/eip"

// Check refuses names that are empty or come twice.
func Check(allowed []eip.Target) error {
	for i, t := range allowed {
		if t.Name == "" || Index(allowed[:i], t.Name) >= 0 {
			return eip.OptionErrorf("allow", "the name %q is empty or comes twice", t.Name)
		}
	}
	return nil
}

// Index finds a name; -1 where it is not allowed.
func Index(allowed []eip.Target, name string) int {
	for i := range allowed {
		if allowed[i].Name == name {
			return i
		}
	}
	return -1
}
