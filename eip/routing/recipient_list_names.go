package routing

import (
	"errors"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/allow"
)

// choose marks what list names in Allow. It refuses the whole list before
// anything is sent.
func (r *RecipientList) choose(list any, chosen []bool) error {
	names := 0
	mark := func(name string) error {
		names++
		if i := allow.Index(r.Allow, name); i >= 0 {
			chosen[i] = true
			return nil
		}
		return fmt.Errorf("recipients: %s is not allowed; it must be one of %s", quote(name), r.allowed())
	}
	switch list := list.(type) {
	case string:
		return mark(list)
	case []string:
		for _, name := range list {
			if err := mark(name); err != nil {
				return err
			}
		}
	case []any:
		for i, v := range list {
			name, ok := v.(string)
			if !ok {
				return fmt.Errorf("recipients: element %d of the list is %s, not a name", i+1, content.KindOf(v))
			}
			if err := mark(name); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("recipients: the expression gives %s, not a name or a list of names", content.KindOf(list))
	}
	if names == 0 {
		return errors.New("recipients: the list is empty, so the message has nowhere to go")
	}
	return nil
}

// quote shortens a name, which comes from a message.
func quote(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", name)
}

func (r *RecipientList) allowed() string {
	const most = 10
	var names []string
	for i, t := range r.Allow {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(r.Allow)-most))
			break
		}
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}
