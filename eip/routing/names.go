package routing

import (
	"errors"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/allow"
)

// eachName calls f with the names in what an expression gave: one name or a list of them.
func eachName(list any, f func(name string) error) error {
	names := 0
	each := func(name string) error {
		names++
		return f(name)
	}
	switch list := list.(type) {
	case string:
		return each(list)
	case []string:
		for _, name := range list {
			if err := each(name); err != nil {
				return err
			}
		}
	case []any:
		for i, v := range list {
			name, ok := v.(string)
			if !ok {
				return fmt.Errorf("element %d of the list is %s, not a name", i+1, content.KindOf(v))
			}
			if err := each(name); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the expression gives %s, not a name or a list of names", content.KindOf(list))
	}
	if names == 0 {
		return errors.New("the list is empty, so the message has nowhere to go")
	}
	return nil
}

// indexOf finds a name among those that are allowed.
func indexOf(name string, allowed []eip.Target) (int, error) {
	i := allow.Index(allowed, name)
	if i < 0 {
		return i, fmt.Errorf("%s is not allowed; it must be one of %s", quote(name), namesOf(allowed))
	}
	return i, nil
}

// quote shortens a name, which comes from a message.
func quote(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", name)
}

func namesOf(targets []eip.Target) string {
	const most = 10
	var names []string
	for i, t := range targets {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(targets)-most))
			break
		}
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// isTopic reports whether many may listen there.
func isTopic(to eip.Target) bool { return strings.HasPrefix(to.Name, "topic.") }
