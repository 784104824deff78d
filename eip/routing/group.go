package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// A Group is what an [Aggregator] or a [Batch] has gathered under one key.
type Group struct {
	Key             string
	Count           int   // parts
	Size            int   // of the sequence that they are of; 0: not known
	Bytes           int64 // of the parts, as they are kept
	FirstAt, LastAt time.Time
	Age             time.Duration
	ClosedBy        ClosedBy // "" while it is open
	// Value is what the parts are folded into, as JSON; nil where they are not.
	Value json.RawMessage

	parts func(from, to int) ([]*eip.Message, error) // counted from 0
}

// ClosedBy is what has closed a group.
type ClosedBy string

// What there is. ByEnd is the end of the flow's source, ByFull a group too many, and
// ByOperator somebody on the control bus.
const (
	ByComplete ClosedBy = "complete"
	BySize     ClosedBy = "size"
	ByBytes    ClosedBy = "bytes"
	ByTimeout  ClosedBy = "timeout"
	ByIdle     ClosedBy = "idle"
	ByEvery    ClosedBy = "every"
	ByFull     ClosedBy = "full"
	ByEnd      ClosedBy = "end"
	ByOperator ClosedBy = "operator"
)

// Messages returns the parts, those of a sequence in its order and others as they came.
// An Aggregator that folds has none.
func (g *Group) Messages() ([]*eip.Message, error) {
	if g.parts == nil {
		return nil, nil
	}
	all, err := g.parts(0, g.Count)
	if err == nil && g.Size > 0 {
		slices.SortStableFunc(all, func(a, b *eip.Message) int { return a.Sequence.Number - b.Sequence.Number })
	}
	return all, err
}

// mostMissing is how many missing numbers are listed.
const mostMissing = 1000

// missing are the numbers of the sequence that are not there.
func (g *Group) missing() ([]int, error) {
	missing := []int{}
	all, err := g.Messages()
	there := map[int]bool{}
	for _, m := range all {
		there[m.Sequence.Number] = true
	}
	for n := 1; n <= g.Size && len(missing) < mostMissing; n++ {
		if !there[n] {
			missing = append(missing, n)
		}
	}
	return missing, err
}

// one returns a part in the order of arrival; nil: there is none.
func (g *Group) one(i int) (any, error) {
	if g.parts == nil || g.Count == 0 {
		return nil, nil
	}
	some, err := g.parts(i, i+1)
	if err != nil {
		return nil, err
	}
	return shownMessage(some[0])
}

// members are what expressions see as members of group.
var members = map[string]func(g *Group) (any, error){
	"key":       func(g *Group) (any, error) { return g.Key, nil },
	"count":     func(g *Group) (any, error) { return g.Count, nil },
	"size":      func(g *Group) (any, error) { return g.Size, nil },
	"bytes":     func(g *Group) (any, error) { return g.Bytes, nil },
	"first_at":  func(g *Group) (any, error) { return g.FirstAt.UTC(), nil },
	"last_at":   func(g *Group) (any, error) { return g.LastAt.UTC(), nil },
	"age":       func(g *Group) (any, error) { return float64(g.Age) / float64(time.Millisecond), nil },
	"closed_by": func(g *Group) (any, error) { return g.ClosedBy, nil },
	"value":     func(g *Group) (any, error) { return g.Value, nil },
	"first":     func(g *Group) (any, error) { return g.one(0) },
	"last":      func(g *Group) (any, error) { return g.one(g.Count - 1) },
	"missing":   func(g *Group) (any, error) { return g.missing() },
	"messages": func(g *Group) (any, error) {
		all, err := g.Messages()
		shown := make([]any, len(all))
		for i, m := range all {
			if err == nil {
				shown[i], err = shownMessage(m)
			}
		}
		return shown, err
	},
}

// document is what an expression sees of a group, as far as it reads it.
func (g *Group) document(reads []string) (*eip.Message, error) {
	group := map[string]any{}
	for name, of := range members {
		if !slices.Contains(reads, "group") && !slices.Contains(reads, "group."+name) {
			continue
		}
		v, err := of(g)
		if err != nil {
			return nil, err
		}
		group[name] = v
	}
	return jsonMessage(map[string]any{"group": group, "value": g.Value})
}

func jsonMessage(v any) (*eip.Message, error) {
	body, err := content.Marshal(v)
	if err != nil {
		return nil, eip.Invalid(err)
	}
	return document(body), nil
}

// document is JSON that expressions see.
func document(body []byte) *eip.Message { return eip.New(body, nil).With(asJSON) }

// shownMessage is a part as expressions see it.
func shownMessage(m *eip.Message) (any, error) {
	body, err := raw(m)
	if err != nil {
		return nil, err
	}
	headers := m.Headers
	if headers == nil {
		headers = eip.Headers{}
	}
	return map[string]any{"body": body, "headers": headers, "message": eip.Headers{
		"id": m.ID, "correlation_id": m.CorrelationID, "reply_to": m.ReplyTo, "type": m.Type, "content_type": m.ContentType,
		"timestamp": m.Timestamp, "priority": m.Priority, "key": m.Key,
		"sequence": eip.Headers{"id": m.Sequence.ID, "number": m.Sequence.Number, "size": m.Sequence.Size},
	}}, nil
}

// bodies is the list of the parts' bodies, which could be read when they came.
func (g *Group) bodies() ([]byte, error) {
	all, err := g.Messages()
	if err != nil {
		return nil, err
	}
	size := 2
	for _, m := range all {
		size += len(m.Body()) + 1
	}
	list := append(make([]byte, 0, size), '[')
	for i, m := range all {
		if i > 0 {
			list = append(list, ',')
		}
		if list, err = appendKnown(list, m); err != nil {
			return nil, err
		}
	}
	return append(list, ']'), nil
}

// An OfGroup is an option that computes something of a group: in a flow file an
// expression of group, and in a Go program the function Of.
type OfGroup struct {
	Of    func(ctx context.Context, g *Group) (any, error)
	reads []string
}

// Sees are the names that the expression sees.
func (*OfGroup) Sees() []string { return []string{"group"} }

// Compiled sets the expression.
func (o *OfGroup) Compiled(m eip.Merge, reads []string) {
	o.reads = reads
	o.Of = func(ctx context.Context, g *Group) (any, error) {
		seen, err := g.document(reads)
		if err != nil {
			return nil, err
		}
		return m(ctx, seen, seen)
	}
}

// An OfPart is an OfGroup that also sees the part that has just come into the group.
type OfPart struct {
	Of    func(ctx context.Context, part *eip.Message, g *Group) (any, error)
	reads []string
}

// Sees are the names that the expression sees. value is the group's.
func (*OfPart) Sees() []string { return []string{"body", "headers", "message", "group", "value"} }

// Compiled sets the expression.
func (o *OfPart) Compiled(m eip.Merge, reads []string) {
	o.reads = reads
	o.Of = func(ctx context.Context, part *eip.Message, g *Group) (any, error) {
		seen, err := g.document(reads)
		if err != nil {
			return nil, err
		}
		return m(ctx, part, seen)
	}
}

// A PartPredicate is an OfPart that gives true or false.
type PartPredicate struct{ OfPart }

// Decides are the members that may be true or false by themselves.
func (*PartPredicate) Decides() []string { return []string{"value", "group.value"} }

// check checks what an expression reads of a group. lacks are the members that a group
// of this stage has not.
func check(option string, reads []string, lacks ...string) error {
	for _, name := range reads {
		member, ok := strings.CutPrefix(name, "group.")
		switch {
		case ok && members[member] == nil:
			return eip.OptionErrorf(option, "group has no member %q%s", member, likeIt(member))
		case slices.Contains(lacks, member) && member == "value":
			return eip.OptionErrorf(option, "it reads %s, which there is with fold only", name)
		case slices.Contains(lacks, member):
			return eip.OptionErrorf(option, "it reads %s, and with fold no parts are kept; fold what is needed of them into the value", name)
		}
	}
	return nil
}

// likeIt says which member of group is meant, or which ones there are.
func likeIt(member string) string {
	all := slices.Sorted(maps.Keys(members))
	best, distance := "", len(member)/3+2
	for _, name := range all {
		if d := levenshtein.Distance(member, name, nil); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; %q is like it", best)
	}
	return "; it has " + strings.Join(all, ", ")
}

// What a group has not: one without parts, and one without fold.
var (
	ofParts = []string{"messages", "first", "last", "missing"}
	ofFold  = []string{"value"}
)

// body is the body of what a group becomes, as a message.
func (g *Group) body(ctx context.Context, of OfGroup, base *eip.Message) (*eip.Message, error) {
	switch {
	case of.Of != nil:
		v, err := of.Of(ctx, g)
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		return base.WithValue(v, "")
	case g.Value != nil:
		return base.WithBody(g.Value).With(asJSON), nil
	}
	list, err := g.bodies()
	if err != nil {
		return nil, err
	}
	return base.WithBody(list).With(asJSON), nil
}

func asJSON(m *eip.Message) { m.ContentType, m.Encoding = "application/json", "" }
