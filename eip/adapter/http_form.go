package adapter

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
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

// gzipped reports whether a content encoding is gzip's.
func gzipped(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}
