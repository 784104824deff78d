package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/internal/web"
)

// write answers with a reply. What a slow client has not read yet keeps no place from
// others, and its bytes count as those of a body do.
func (b *body) write(w http.ResponseWriter, reply *eip.Message) {
	b.leave()
	status, err := statusOf(reply)
	if err != nil {
		http.Error(w, "the reply has no valid status", status)
		return
	}
	if code, text, failed := replies.Failure(reply); failed && status == http.StatusOK {
		http.Error(w, text, statusOfError(code))
		return
	}
	w.Header().Set("Content-Type", withCharset(typeOfReply(reply), reply))
	if coding := codingOf(reply); coding != "" {
		w.Header().Set("Content-Encoding", coding)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	control := http.NewResponseController(w)
	b.hold(len(reply.Body()), func() { _ = control.SetWriteDeadline(time.Now()) }, func() {
		_ = control.SetWriteDeadline(time.Now().Add(web.Timeout))
		_, _ = w.Write(reply.Body()) // nobody else is to be told
	})
}

// statusOfError is that of an error reply, of the flow itself or of a service behind it.
func statusOfError(code string) int {
	switch code {
	case "invalid":
		return http.StatusUnprocessableEntity
	case "timeout":
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// typeOfReply is a reply's content type; where it has none, what expressions take
// its body for.
func typeOfReply(reply *eip.Message) string {
	switch {
	case reply.ContentType != "":
		return reply.ContentType
	case json.Valid(reply.Body()):
		return "application/json"
	case utf8.Valid(reply.Body()):
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// statusOf is the status that a flow gave to its reply.
func statusOf(reply *eip.Message) (int, error) {
	v := reply.Headers[header.Status]
	if !reply.Status || v == nil {
		return http.StatusOK, nil
	}
	text := fmt.Sprint(v)
	n, err := strconv.Atoi(text)
	switch v.(type) {
	case float32, float64, []byte, bool:
	default:
		if err == nil && len(text) == 3 && n >= 200 && n <= 599 {
			return n, nil
		}
	}
	return http.StatusInternalServerError, eip.Permanent(fmt.Errorf("the reply's %s is %.40q, and must be a whole number from 200 to 599", header.Status, text))
}
