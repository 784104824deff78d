package transform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // enters the format
	"io"

	"github.com/eipd/eipd/eip"
)

// decode reads a picture after it has seen how large it claims to be.
func (t *Thumbnail) decode(ctx context.Context, body []byte) (image.Image, ImageFormat, error) {
	config, name, err := image.DecodeConfig(bytes.NewReader(body))
	if errors.Is(err, image.ErrFormat) {
		return nil, "", eip.Invalid(errors.New("read image: the body is no JPEG, PNG or GIF"))
	}
	if err != nil {
		return nil, "", eip.Invalid(fmt.Errorf("read image: %w", err))
	}
	if config.Width < 1 || config.Height < 1 {
		return nil, "", eip.Invalid(errors.New("read image: it has no pixels"))
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > int64(t.MaxPixels) {
		return nil, "", eip.Invalid(fmt.Errorf("read image: %d x %d are more than max_pixels (%d)",
			config.Width, config.Height, t.MaxPixels))
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	picture, _, err := image.Decode(&contextReader{ctx, bytes.NewReader(body)})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, "", fmt.Errorf("read image: %w", ctx.Err())
	case err != nil:
		return nil, "", eip.Invalid(fmt.Errorf("read image: %w", err))
	case name == "jpeg":
		return picture, JPEG, nil
	}
	return picture, PNG, nil
}

// contextReader ends a decoder that takes too long: a few bytes of a progressive
// JPEG can ask for a pass over the whole picture.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
