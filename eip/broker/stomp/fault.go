package stomp

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/eipd/eipd/eip"
)

var (
	gone  = regexp.MustCompile(`(?i)does not exist|deleted destination|no such destination|unknown destination`)
	large = regexp.MustCompile(`(?i)exceed|too large|too long|max\w* (frame|data|allowed|length|size)|larger than`)
)

// fault is a message's own failure, as the server tells it.
func fault(o *outgoing, e *serverError) error {
	err := fmt.Errorf("send: the server says: %s", strings.TrimSpace(e.text))
	switch {
	case o.to != "" && gone.MatchString(e.text):
		return eip.Gone(err)
	case o.to != "" && denied(e), large.MatchString(e.text):
		return eip.Permanent(err)
	}
	return err
}
