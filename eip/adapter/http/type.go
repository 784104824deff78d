package http

import (
	"bytes"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/eipd/eipd/eip"
)

const formType = "application/x-www-form-urlencoded"

// typeOfRequest is a request's content type. curl and other clients call a form
// what nobody has told them the type of; where it is none, its type is not known.
func typeOfRequest(r *http.Request, body []byte) string {
	header := r.Header.Get("Content-Type")
	if t, _, _ := mime.ParseMediaType(header); t == formType && !isForm(body) {
		return ""
	}
	return header
}

// isForm reports whether a body may be NAME=VALUE&…, in which all but some letters
// and signs is escaped.
func isForm(body []byte) bool {
	for _, c := range body {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case bytes.IndexByte([]byte("=&%+*-._~!'()@:/?,;$"), c) >= 0:
		default:
			return false
		}
	}
	return bytes.IndexByte(body, '=') > 0
}

// codings are those that HTTP has (IANA's list) and senders use.
var codings = map[string]bool{"gzip": true, "x-gzip": true, "deflate": true, "compress": true, "x-compress": true, "br": true, "zstd": true}

// codingOf is a message's encoding as Content-Encoding: "" where it is none of HTTP's.
func codingOf(m *eip.Message) string {
	for coding := range strings.SplitSeq(m.Encoding, ",") {
		if !codings[strings.ToLower(strings.TrimSpace(coding))] {
			return ""
		}
	}
	return m.Encoding
}

var charset = regexp.MustCompile(`^(?i:utf-?(8|16|32)(le|be)?|(us-)?ascii|latin-?1|(iso|windows)-[0-9-]+)$`)

// withCharset is a content type with the charset that some clients of brokers (kombu,
// Spring) say in a message's encoding.
func withCharset(contentType string, m *eip.Message) string {
	if contentType == "" || !charset.MatchString(m.Encoding) || strings.Contains(strings.ToLower(contentType), "charset=") {
		return contentType
	}
	return contentType + "; charset=" + strings.ToLower(m.Encoding)
}
