package endpoint

import (
	"errors"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/replies"
)

// Codes of a ServiceError that eipd itself gives. A service may give others.
const (
	CodeFailed  = "failed"  // the service could not do it; trying again may help
	CodeInvalid = "invalid" // the request is wrong, and will be wrong again
	CodeTimeout = "timeout" // the service had too little time
)

// A ServiceError is an error reply: a service took the request, and says why it has no
// other reply. It travels as the headers eip-error-code and eip-error of a reply without
// a body; any program can give one. A handler that returns one chooses what its caller
// is told.
type ServiceError struct {
	Code string // a word for programs
	Text string // a sentence for people
}

func (e *ServiceError) Error() string {
	if e.Text == "" {
		return "the service answers with the error " + e.Code
	}
	return "the service answers with the error " + e.Code + ": " + e.Text
}

// maxErrorText bounds the text of an error reply, which brokers carry as a header.
const maxErrorText = 1000

// ErrorReply returns the reply to a request that failed with err: CodeTimeout where its
// time was over, or that of somebody whom the service has asked. Else a ServiceError within err goes to the caller as it is. Of any other
// error the caller learns the code alone, CodeInvalid or CodeFailed: its text may tell
// what is inside the service.
func ErrorReply(err error) *eip.Message {
	var e *ServiceError
	switch {
	case errors.Is(err, eip.ErrExpired), errors.Is(err, ErrNoReply):
		e = &ServiceError{CodeTimeout, "the service could not do it in its time"}
	case errors.As(err, &e):
	case eip.IsInvalid(err):
		e = &ServiceError{CodeInvalid, "the request cannot be read, or is not what the service takes"}
	default:
		e = &ServiceError{CodeFailed, "the service could not do it, and its log says why"}
	}
	code := e.Code
	if code == "" {
		code = CodeFailed
	}
	return eip.New(nil, nil).WithHeaders(eip.Headers{header.ErrorCode: shorten(code, 100), header.Error: shorten(e.Text, maxErrorText)})
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// ReplyError returns the ServiceError that a reply is; nil where it is another reply.
func ReplyError(reply *eip.Message) error {
	code, text, failed := replies.Failure(reply)
	if !failed {
		return nil
	}
	return &ServiceError{code, text}
}

// refusal is ReplyError for who would ask again.
func refusal(reply *eip.Message) error {
	err := ReplyError(reply)
	if err != nil && err.(*ServiceError).Code == CodeInvalid {
		return eip.Permanent(err)
	}
	return err
}
