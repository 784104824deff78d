// Package testmessage says what becomes of Test Messages, which the control bus
// injects, at components that touch the outside world.
package testmessage

// Option is the option of components that touch the outside world, which they embed:
// whether Test Messages reach it.
type Option struct {
	// What becomes of Test Messages, which the control bus injects: "skip" keeps them
	// from the outside world, "pass" treats them like any other.
	OnTest Policy `flow:"on_test"`
}

// Default is what components embed at first.
var Default = Option{Skip}

// Policy says what becomes of Test Messages.
type Policy string

// The policies; "" is skip.
const (
	Skip Policy = "skip"
	Pass Policy = "pass"
)

// Options returns the policies.
func (Policy) Options() []string { return []string{string(Skip), string(Pass)} }

// PassesTests reports whether Test Messages reach the outside world.
func (o Option) PassesTests() bool { return o.OnTest == Pass }

// PassedBy reports whether a component says that Test Messages are to reach it.
func PassedBy(component any) bool {
	t, ok := component.(interface{ PassesTests() bool })
	return ok && t.PassesTests()
}
