package routing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// send passes a batch on, and settles its messages with it.
func (b *Batch) send(all []held, first time.Time, why ClosedBy) {
	out, err := b.batchOf(all, first, why)
	if err != nil {
		for _, h := range all {
			h.release(err)
		}
		return
	}
	for i, by := range batchClosedBy {
		if by == why && !all[0].IsTest() {
			b.closedBy[i].Add(1)
			b.batches.Add(1)
			b.parts.Add(int64(len(all)))
		}
	}
	eip.Deliver(all[0].ctx, all[0].next, all[0].Fork(func(err error) {
		for _, h := range all {
			h.release(err)
		}
	}).With(func(m *eip.Message) {
		// All but whose it is and where it came from is the batch's own.
		own := *out
		m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key = own.ID, own.CorrelationID, own.ReplyTo, "", own.ContentType, "", own.Key
		m.UserID, m.AppID, m.Timestamp, m.Expiration, m.Priority, m.Delivery = "", "", time.Time{}, 0, own.Priority, own.Delivery
		m.Sequence, m.Headers = own.Sequence, own.Headers
	}).WithBody(out.Body()))
}

// batchOf makes the message of a batch.
func (b *Batch) batchOf(all []held, first time.Time, why ClosedBy) (*eip.Message, error) {
	g := &Group{Count: len(all), FirstAt: first, LastAt: b.env.Clock.Now(), ClosedBy: why}
	g.Age = g.LastAt.Sub(first)
	g.parts = func(from, to int) (some []*eip.Message, _ error) {
		for _, h := range all[from:to] {
			some = append(some, h.Message)
		}
		return some, nil
	}
	var base *eip.Message
	ids := sha256.New()
	for _, h := range all {
		base = common(base, h.Message)
		g.Bytes += int64(len(h.Body()))
		id := h.ID
		if id == "" {
			id = eip.NewID()
		}
		fmt.Fprintf(ids, "%d:%s", len(id), id)
	}
	base = base.WithHeaders(eip.Headers{header.GroupCount: len(all), header.ClosedBy: string(why)})
	base.ID = hex.EncodeToString(ids.Sum(nil)[:16])
	if b.Format == "lines" {
		return lines(base, all)
	}
	return g.body(all[0].ctx, b.Body, base)
}

// lines is the batch as text.
func lines(base *eip.Message, all []held) (*eip.Message, error) {
	var text bytes.Buffer
	for _, h := range all {
		l, err := line(h.Message)
		if err != nil {
			return nil, err
		}
		text.Write(l)
		text.WriteByte('\n')
	}
	return base.WithBody(text.Bytes()).With(func(m *eip.Message) { m.ContentType = "text/plain; charset=utf-8" }), nil
}

// line is a body that has no line break.
func line(m *eip.Message) ([]byte, error) {
	body, err := m.Content()
	if err == nil && bytes.ContainsAny(body, "\r\n") {
		var one bytes.Buffer
		if json.Compact(&one, body) != nil {
			return nil, eip.Invalid(errors.New("its body has a line break, and is to be one line"))
		}
		body = one.Bytes()
	}
	return body, err
}
