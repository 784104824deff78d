package replies

import (
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// Failure returns what a reply that is an error says: its code, whatever kind of value a
// program gave, as what is not understood has not succeeded; and why, if it says so.
func Failure(reply *eip.Message) (code, why string, failed bool) {
	value := reply.Headers[header.ErrorCode]
	if value == nil {
		return "", "", false
	}
	why, _ = reply.Headers[header.Error].(string)
	return fmt.Sprint(value), why, true
}
