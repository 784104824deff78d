package eip

import "github.com/eipd/eipd/eip/content"

// WithValue returns a copy of m whose body is v as [content.Encode] makes it; what
// that cannot makes the message invalid.
//
// contentType is its type, where it is not "". Otherwise text keeps a type that is
// one of text, and becomes text/plain; charset=utf-8 in place of any other; bytes
// become application/octet-stream; and both stay without a type where m has none.
// JSON becomes application/json. The content encoding of the old body is gone.
func (m *Message) WithValue(v any, contentType string) (*Message, error) {
	body, format, err := content.Encode(v)
	if err != nil {
		return nil, Invalid(err)
	}
	if contentType == "" {
		contentType = contentTypeOf(format, m.ContentType)
	}
	c := m.WithBody(body)
	c.ContentType, c.Encoding = contentType, ""
	return c, nil
}

func contentTypeOf(format content.Format, was string) string {
	switch {
	case format == content.JSON:
		return "application/json"
	case was == "", format == content.Text && content.FormatOf(was) == content.Text:
		return was
	case format == content.Text:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
