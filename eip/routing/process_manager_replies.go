package routing

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/store"
)

// A processSeal makes and checks the Correlation Identifiers of requests: the hash of the
// process' key, the number of the request, and a sum that only the stage can make.
type processSeal []byte

var sealText = base64.RawURLEncoding.Strict()

const (
	sealedSize = hashSize + 8
	sumSize    = 16
)

// needSeal reads the secret of the stage, or makes it. Only the first start writes it.
func (p *ProcessManager) needSeal(ctx context.Context) error {
	return store.Do(ctx, p.space, func(tx store.Tx) error {
		kept, _ := tx.Get(secretKey)
		p.seal = append(processSeal(nil), kept...)
		if kept == nil {
			p.seal = make(processSeal, sha256.Size)
			rand.Read(p.seal)
			tx.Put(secretKey, append([]byte(nil), p.seal...), time.Time{})
		}
		return tx.Err()
	})
}

func (s processSeal) sum(b []byte) []byte {
	h := hmac.New(sha256.New, s)
	h.Write(b)
	return h.Sum(nil)[:sumSize]
}

// id is the Correlation Identifier of a request.
func (s processSeal) id(process string, request uint64) string {
	b := binary.BigEndian.AppendUint64([]byte(process), request)
	return sealText.EncodeToString(append(b, s.sum(b)...))
}

// read reads an identifier that id has made.
func (s processSeal) read(id string) (process string, request uint64, ok bool) {
	if len(id) != sealText.EncodedLen(sealedSize+sumSize) {
		return "", 0, false
	}
	b, err := sealText.DecodeString(id)
	if err != nil || len(b) != sealedSize+sumSize || !hmac.Equal(b[sealedSize:], s.sum(b[:sealedSize])) {
		return "", 0, false
	}
	return string(b[:hashSize]), binary.BigEndian.Uint64(b[hashSize:sealedSize]), true
}

// Answers says which inbox all processes of the flow share.
func (p *ProcessManager) Answers(address string) (services []eip.Handler, name string) {
	for r := range p.requests() {
		for _, to := range r.To {
			services = append(services, to.Handler)
		}
	}
	return services, address + ".replies"
}

// openInbox opens the inbox for replies, where there are requests.
func (p *ProcessManager) openInbox(ctx context.Context, env *eip.Env) (err error) {
	p.inbox = nil
	services, name := p.Answers(env.Address)
	if len(services) == 0 {
		return nil
	}
	in, ok := services[0].(eip.Inboxer)
	if !ok {
		return errors.New("a request must go to a queue: nobody replies elsewhere")
	}
	p.inbox, err = in.Inbox(ctx, name)
	return err
}

// listen takes what comes into the inbox: a flow of its own.
func (p *ProcessManager) listen(env *eip.Env) {
	if p.inbox != nil {
		p.listener.Store(replies.Listen(p.inbox, env, &eip.Flow{To: eip.HandlerFunc(p.takeReply), DeadLetter: p.letters(env.DeadLetter), Invalid: p.letters(env.Invalid)}))
	}
}

// toReplies stands in eip-to of replies that are dead letters. No channel has such a name.
const toReplies = "eip.replies"

// toNobody stands in eip-to of what says what a process was: it is no message.
const toNobody = "eip.nobody"

// letters has dead letters of replies be such of the flow, which a replay brings here again.
func (p *ProcessManager) letters(to eip.Handler) eip.Handler {
	if to == nil {
		return nil
	}
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return to.Handle(ctx, m.WithHeaders(eip.Headers{header.Flow: p.env.Flow, header.After: p.env.Address, header.To: toReplies}))
	})
}

// replyOf is a reply on its way to its process; nil: it answers no request.
func (p *ProcessManager) replyOf(m *eip.Message) *event {
	process, request, ok := p.seal.read(m.CorrelationID)
	if !ok {
		return nil
	}
	return &event{of: p, message: m, hash: process, identity: identityOf("reply " + numberOf(request)), reply: request, at: p.env.Clock.Now()}
}

// replyAgain gives a reply to its process that was a dead letter.
func (p *ProcessManager) replyAgain(ctx context.Context, m *eip.Message) error {
	e := p.replyOf(m)
	if e == nil {
		return eip.Permanent(errors.New("the reply answers no request"))
	}
	m.Absorb()
	p.outbox.Keep(ctx, m, e.join)
	return nil
}

// takeReply gives a reply to its process.
func (p *ProcessManager) takeReply(_ context.Context, m *eip.Message) error {
	e := p.replyOf(m)
	if e == nil {
		p.count("unmatched")
		p.rarely.Warn(p.env.Log, "a reply answers no request and is dropped", slog.String("stage", p.env.Address), slog.String("correlation_id", m.CorrelationID))
		return nil
	}
	// Too much to be sent holds no replies: there are no more of them than requests, which are
	// of messages that it does hold.
	store.Keep(m, p.space, e.join)
	return nil
}
