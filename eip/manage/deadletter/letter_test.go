package deadletter_test

import (
	"context"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// An id is of what the letter holds, and of nothing else.
func TestLetter_ID(t *testing.T) {
	m := letter("a", "it is full", noon)
	id := deadletter.Read(m).ID
	if len(id) != 16 || id != deadletter.Read(letter("a", "another text", noon)).ID || id != deadletter.Read(m.WithHeader("x", 1)).ID {
		t.Errorf("the id %s is not what it was", id)
	}
	for what, other := range map[string]*eip.Message{
		"message id": letter("b", "it is full", noon).WithBody(m.Body()),
		"time":       letter("a", "it is full", noon.Add(time.Nanosecond)),
		"body":       m.WithBody([]byte("y")),
		"flow":       m.WithHeader(header.Flow, "bills"),
	} {
		if deadletter.Read(other).ID == id {
			t.Errorf("with another %s, the id is the same", what)
		}
	}
}

func TestNamer(t *testing.T) {
	var n deadletter.Namer
	var ids []string
	for _, id := range []string{"a", "b", "a", "a"} {
		l := deadletter.Read(letter(id, "it is full", noon))
		n.Name(&l)
		ids = append(ids, l.ID)
	}
	if ids[2] != ids[0]+"-2" || ids[3] != ids[0]+"-3" || ids[1] == ids[0] || len(ids[1]) != 16 {
		t.Errorf("%q", ids)
	}
}

func TestSelection_Match(t *testing.T) {
	l := deadletter.Read(letter("a", "it is full", noon))
	second := l
	second.ID += "-2"
	group := l.Cause.Group()
	yes := func(context.Context, *eip.Message) (bool, error) { return true, nil }
	fails := func(context.Context, *eip.Message) (bool, error) { return true, context.Canceled }
	for name, c := range map[string]struct {
		s    deadletter.Selection
		of   deadletter.Letter
		want bool
	}{
		"all":                   {deadletter.Selection{}, l, true},
		"flow":                  {deadletter.Selection{Flow: "orders"}, l, true},
		"another flow":          {deadletter.Selection{Flow: "bills"}, l, false},
		"replies of its stage":  {deadletter.Selection{Flow: "orders"}, deadletter.Letter{Cause: deadletter.Cause{Flow: "orders.order.replies"}}, true},
		"a longer name":         {deadletter.Selection{Flow: "orders"}, deadletter.Letter{Cause: deadletter.Cause{Flow: "orders2"}}, false},
		"group":                 {deadletter.Selection{Group: group}, l, true},
		"beginning of a group":  {deadletter.Selection{Group: group[:4]}, l, true},
		"another group":         {deadletter.Selection{Group: "zzzz"}, l, false},
		"id":                    {deadletter.Selection{IDs: []string{"x", l.ID}}, l, true},
		"beginning of an id":    {deadletter.Selection{IDs: []string{l.ID[:6]}}, l, true},
		"too short a beginning": {deadletter.Selection{IDs: []string{l.ID[:5]}}, l, false},
		"id of an equal one":    {deadletter.Selection{IDs: []string{l.ID}}, second, false},
		"id with a number":      {deadletter.Selection{IDs: []string{second.ID}}, second, true},
		"since":                 {deadletter.Selection{Since: noon}, l, true},
		"since later":           {deadletter.Selection{Since: noon.Add(1)}, l, false},
		"until":                 {deadletter.Selection{Until: noon}, l, false},
		"until later":           {deadletter.Selection{Until: noon.Add(1)}, l, true},
		"if":                    {deadletter.Selection{If: yes}, l, true},
		"if that fails":         {deadletter.Selection{If: fails}, l, false},
		"one of two":            {deadletter.Selection{If: yes, Flow: "bills"}, l, false},
	} {
		if got := c.s.Match(c.of); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
