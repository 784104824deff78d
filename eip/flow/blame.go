package flow

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// blame turns what Validate found into diagnostics at the options it names.
func (d *decoder) blame(b *syntax.Block, at place, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			d.blame(b, at, err)
		}
		return
	}
	if errors.Is(err, errReported) {
		return
	}
	r, what := b.Range(), err.Error()
	var option *eip.OptionError
	if errors.As(err, &option) {
		what, r = fmt.Sprintf("%q: %v", option.Option, option.Err), d.optionAt(b, err)
	}
	what = d.say(b.Range(), what)
	if !strings.HasSuffix(what, "?") { // it may ask what was meant
		what += "."
	}
	d.fail(problem(r, "Wrong option", "The %s cannot be used like this: %s", at.what, what))
}

// optionAt is where the option is that is to blame, be it one of a block within the block.
func (d *decoder) optionAt(b *syntax.Block, err error) (r hcl.Range) {
	for option := (*eip.OptionError)(nil); errors.As(err, &option); err = option.Err {
		if in := d.decoded[option.In]; in != nil {
			b, r = in, in.Range()
			continue
		}
		r = b.Range()
		if a := optionOf(b, option.Option); a != nil {
			r = a.Expr.Range()
		}
		content, _ := b.Body.Content(noBlock, nil)
		for _, inner := range content.Blocks {
			if inner.Type == option.Option || inner.Type+" "+strings.Join(names(inner), " ") == option.Option {
				r = inner.Range()
			}
		}
	}
	return r
}

// optionOf is where a block sets an option; nil: it does not.
func optionOf(b *syntax.Block, name string) (last *syntax.Attribute) {
	content, _ := b.Body.Content(noBlock, nil)
	for _, a := range content.Attributes {
		if a.Name == name {
			last = a
		}
	}
	return last
}

// noBlock is of a body in which no name of JSON is that of a block.
func noBlock(string) bool { return false }

// notShown stands where something may be said by a value that is not shown.
const notShown = "it has options whose values came from the environment or a file, which are not shown, and so no more is said"

// say is what a component says of a block, if it may be shown.
func (d *decoder) say(block hcl.Range, what string) string {
	if d.unsaid[block] {
		return notShown
	}
	return what
}
