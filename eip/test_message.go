package eip

// OnTest is the option of components that touch the outside world, which they
// embed: whether Test Messages reach it.
type OnTest struct {
	// What becomes of Test Messages, which the control bus injects: "skip" keeps them
	// from the outside world, "pass" treats them like any other.
	OnTest TestPolicy `flow:"on_test"`
}

// DefaultOnTest is what components embed at first.
var DefaultOnTest = OnTest{SkipTests}

// TestPolicy says what becomes of Test Messages.
type TestPolicy string

// The policies for Test Messages; "" is skip.
const (
	SkipTests TestPolicy = "skip"
	PassTests TestPolicy = "pass"
)

// Options returns the policies.
func (TestPolicy) Options() []string { return []string{string(SkipTests), string(PassTests)} }

// PassesTests reports whether Test Messages reach the outside world.
func (o OnTest) PassesTests() bool { return o.OnTest == PassTests }

// PassesTests reports whether a component says that Test Messages are to reach it.
func PassesTests(component any) bool {
	t, ok := component.(interface{ PassesTests() bool })
	return ok && t.PassesTests()
}
