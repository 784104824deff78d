package flowtest

import (
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

// common is what a test may say otherwise than its suite.
type common struct {
	// The values of variables, as --var gives them.
	Variables map[string]any `flow:"variables"`
	// The environment variables that env() finds. No others are set.
	Env map[string]string `flow:"env"`
	// Where the clock begins, in RFC 3339.
	Time string `flow:"time"`
	// The broker that stands in for all: memory, or embedded, whose messages outlast the step
	// restart.
	Broker brokerKind `flow:"broker"`
	// Each message must be accounted for: one that came where no expect looks, that became a
	// dead letter or is still under way fails the test.
	Strict bool `flow:"strict"`
	// Places where messages may come unexpected.
	Ignore []string `flow:"ignore"`
}

// suiteBlock is what the tests of a file have in common.
type suiteBlock struct {
	// The flow files under test, relative to the test file. Without it, those beside it.
	Flows []string `flow:"flows"`
	common
	// What chance goes by: jitter, samples and the messages' identifiers.
	Seed int `flow:"seed"`
	// How long one test may take, in real time.
	Timeout time.Duration `flow:"timeout"`
}

func newSuite() *suiteBlock {
	return &suiteBlock{common: common{Time: "2026-01-05T09:00:00Z", Broker: inMemory, Strict: true}, Seed: 1, Timeout: time.Minute}
}

type brokerKind string

const (
	inMemory brokerKind = "memory"
	onDisk   brokerKind = "embedded"
)

// Options returns the kinds of broker.
func (brokerKind) Options() []string { return []string{string(inMemory), string(onDisk)} }

// Validate checks the options.
func (c *common) Validate() error {
	if _, err := time.Parse(time.RFC3339, c.Time); err != nil {
		return eip.OptionErrorf("time", "%q is no time; write it like 2026-01-05T09:00:00Z", c.Time)
	}
	return nil
}

// testBlock is one test.
type testBlock struct {
	// The flows that run. Without it, all that are enabled.
	Flows []string `flow:"flows"`
	common
	// Words by which --tags chooses.
	Tags []string `flow:"tags"`
	// Why the test is not run.
	Skip string `flow:"skip"`
	// Only such tests run.
	Only bool `flow:"only"`
	// The test runs once for each of these objects, which settings see as row.
	Each any `flow:"each"`
}

// message is what a send, a call or a stand-in is made of.
type messageBlock struct {
	// The body: text as it is, anything else as JSON.
	Body any `flow:"body"`
	// A file, relative to the test file, whose bytes are the body.
	BodyFile string `flow:"body_file"`
	// The body in base64.
	BodyBase64 string `flow:"body_base64"`
	// A body that must be JSON.
	BodyJSON string `flow:"body_json"`
	// The message's headers.
	Headers map[string]any `flow:"headers"`
	// The Message ID. Without it, one that is made of the seed.
	ID string `flow:"id"`
	// The Correlation Identifier.
	CorrelationID string `flow:"correlation_id"`
	// The Return Address.
	ReplyTo string `flow:"reply_to"`
	// The message's type.
	Type string `flow:"type"`
	// What a topic's pattern selects by.
	Key string `flow:"key"`
	// The MIME type of the body.
	ContentType string `flow:"content_type"`
	// From 0 to 255.
	Priority int `flow:"priority"`
	// How long it may wait in a channel.
	Expiration time.Duration `flow:"expiration"`
	// Its place in a Message Sequence.
	Sequence *sequenceBlock `flow:"sequence,block"`
}

// sequenceBlock is where a message is among those of one whole.
type sequenceBlock struct {
	// What the parts of a whole have in common.
	ID string `flow:"id"`
	// Which part it is, from 1.
	Number int `flow:"number,required"`
	// How many parts there are. 0: that is not known.
	Size int `flow:"size"`
}

// Validate checks the numbers.
func (s *sequenceBlock) Validate() error {
	switch {
	case s.Number < 1:
		return eip.OptionErrorf("number", "it is from 1")
	case s.Size < 0:
		return eip.OptionErrorf("size", "it is 0 (not known) or more")
	}
	return nil
}

// Validate checks that there is one body.
func (m *messageBlock) Validate() error {
	n := 0
	for _, set := range []bool{m.Body != nil, m.BodyFile != "", m.BodyBase64 != "", m.BodyJSON != ""} {
		if set {
			n++
		}
	}
	if n > 1 {
		return fmt.Errorf("a message has one body: body, body_file, body_base64 or body_json")
	}
	if m.Priority < 0 || m.Priority > 255 {
		return eip.OptionErrorf("priority", "it is from 0 to 255")
	}
	return nil
}

// sendBlock puts messages in.
type sendBlock struct {
	messageBlock
	// How many of them. Settings see the number of each, from 0, as index.
	Count int `flow:"count"`
	// A file that eipd tap --save wrote, whose messages are sent.
	FromTap string `flow:"from_tap"`
	// A file of dead letters that were exported, which are sent.
	FromDeadLetter string `flow:"from_dead_letter"`
}

const mostSent = 10_000

// Validate checks the options.
func (s *sendBlock) Validate() error {
	if s.Count < 1 || s.Count > mostSent {
		return eip.OptionErrorf("count", "it is from 1 to %d", mostSent)
	}
	return s.messageBlock.Validate()
}

// callBlock sends a request.
type callBlock struct {
	messageBlock
	// How long the reply may take, by the test's clock.
	Within time.Duration `flow:"within"`
	// What the reply must be.
	Reply *matchBlock `flow:"reply,block"`
}

// advanceBlock, settleBlock, healBlock and restartBlock say nothing more.
type emptyBlock struct{}

// commandBlock is a command of the control bus.
type commandBlock struct {
	// The address of a flow, a stage or a channel.
	Target string `flow:"target"`
	// The command's arguments.
	Args map[string]any `flow:"args"`
	// The code of the error that is expected.
	Fails code `flow:"fails"`
}

// A code is that of an error of the control bus.
type code string

// Options lists them.
func (code) Options() []string {
	return []string{string(control.UnknownTarget), string(control.BadArgs), string(control.NotAllowed), string(control.Failed)}
}

// stubBlock stands in for what leaves the process.
type stubBlock struct {
	// What is answered. It sees the message.
	Body eip.Value `flow:"body"`
	// The headers of the answer. Each sees the message; one that is nil is left out.
	Headers map[string]eip.Value `flow:"headers"`
	// How long the answer takes, by the test's clock.
	Delay time.Duration `flow:"delay"`
	// Answers to give in turn; the last one stays.
	Reply []*replyBlock `flow:"reply,block"`
}

type replyBlock struct {
	// What is answered. It sees the message.
	Body eip.Value `flow:"body,required"`
	// The headers of the answer. Each sees the message; one that is nil is left out.
	Headers map[string]eip.Value `flow:"headers"`
	// How long the answer takes, by the test's clock.
	Delay time.Duration `flow:"delay"`
}

// Validate checks that something is answered.
func (s *stubBlock) Validate() error {
	if (s.Body != nil) == (len(s.Reply) > 0) {
		return fmt.Errorf(`it answers with "body", or with blocks "reply" in turn`)
	}
	return nil
}

// answers are what the stub gives in turn.
func (s *stubBlock) answers() []*replyBlock {
	if len(s.Reply) > 0 {
		return s.Reply
	}
	return []*replyBlock{{s.Body, s.Headers, s.Delay}}
}

// faultBlock makes a place fail.
type faultBlock struct {
	// Sending there, or working, fails with this text, and may be tried again.
	Error string `flow:"error"`
	// The failure is one that trying again does not mend.
	Permanent bool `flow:"permanent"`
	// The failure makes the message invalid.
	Invalid bool `flow:"invalid"`
	// The stage panics.
	Panic bool `flow:"panic"`
	// How much longer it takes, by the test's clock.
	Delay time.Duration `flow:"delay"`
	// It does not come back before the step heal.
	Hang bool `flow:"hang"`
	// The queue takes nothing, as one that holds max_length messages.
	Full bool `flow:"full"`
	// The connection to the broker is lost. What was not settled comes again.
	Cut bool `flow:"cut"`
	// lost: the broker has the message, and its sender is not told so.
	Confirm string `flow:"confirm"`
	// The source gives each message twice.
	Duplicate bool `flow:"duplicate"`
	// The source gives messages in another order: each two exchanged.
	Reorder bool `flow:"reorder"`
	// For how many messages. Without it, for all until the step heal.
	Times int `flow:"times"`
	// After how many messages it begins.
	After int `flow:"after"`
	// For which messages.
	If eip.Predicate `flow:"if"`
}

// Validate checks that one thing goes wrong.
func (f *faultBlock) Validate() error {
	if f.Confirm != "" && f.Confirm != "lost" {
		return eip.OptionErrorf("confirm", `it can be "lost" and nothing else`)
	}
	n := 0
	for _, set := range []bool{f.Error != "", f.Panic, f.Delay > 0, f.Hang, f.Full, f.Cut, f.Confirm != "", f.Duplicate, f.Reorder} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return fmt.Errorf("a fault is one of error, panic, delay, hang, full, cut, confirm, duplicate and reorder")
	case (f.Permanent || f.Invalid) && f.Error == "":
		return fmt.Errorf("permanent and invalid say of which kind an error is; give its text")
	case f.Permanent && f.Invalid:
		return fmt.Errorf("an error is permanent or invalid, and not both")
	case f.Times < 0 || f.After < 0:
		return fmt.Errorf("times and after are not less than 0")
	}
	return nil
}
