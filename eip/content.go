package eip

import (
	"bytes"
	"fmt"
	"io"

	"github.com/eipd/eipd/eip/content"
)

// Content returns m's body with its content encoding undone, where that is gzip,
// deflate or one of [content.AddCoding]; any other is left alone, a charset too. The body
// itself stays as it is.
func (m *Message) Content() ([]byte, error) {
	body := m.Body()
	if m.Encoding == "" {
		return body, nil
	}
	codings, _, err := content.Codings(m.Encoding)
	if err != nil {
		return nil, Invalid(fmt.Errorf("decode body: %w", err))
	}
	longest := m.receipt.longest()
	for _, c := range codings {
		r, err := c.Open(bytes.NewReader(body))
		if err == nil {
			body, err = m.read(r, longest)
		}
		if closer, ok := r.(interface{ Close() }); ok {
			closer.Close()
		}
		switch {
		case err != nil:
			return nil, Invalid(fmt.Errorf("decode body from %s: %w", c.Name, err))
		case int64(len(body)) > longest:
			return nil, Invalid(fmt.Errorf("decode body from %s: it becomes more than %v", c.Name, Bytes(longest)))
		}
	}
	return body, nil
}

// firstRoom is of what a body becomes; doubled it is never just content.MaxDecoded.
const firstRoom = 640

// read reads what a body becomes, and counts it before there is room for it. It ends
// beyond longest.
func (m *Message) read(r io.Reader, longest int64) (got []byte, err error) {
	for {
		if len(got) == cap(got) {
			room := min(max(firstRoom, 2*int64(cap(got))), longest+1)
			m.receipt.charge(room - int64(cap(got)))
			got = append(make([]byte, 0, room), got...)
		}
		n, err := r.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		switch {
		case err == io.EOF:
			return got, nil
		case err != nil, int64(len(got)) > longest:
			return got, err
		}
	}
}
