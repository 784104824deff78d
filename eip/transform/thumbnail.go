package transform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // enters the format
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/image/draw"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("thumbnail", func() eip.Stage { return NewThumbnail() }) }

// Thumbnail is a Message Translator for pictures: it replaces a JPEG, PNG or GIF
// by a smaller copy that fits into a box and keeps its shape. The copy stands
// upright, as the camera meant it, and carries none of the original's metadata.
type Thumbnail struct {
	// Width of the box that the thumbnail fits into, in pixels. A picture that is
	// smaller already keeps its size.
	Width int `flow:"width,required"`
	// Height of the box, in pixels; as the width where it is not given.
	Height int `flow:"height"`
	// Format of the thumbnail; that of the original where it is not given, and PNG
	// for a GIF, of which the first frame is taken.
	Format ImageFormat `flow:"format"`
	// Quality of a JPEG thumbnail, from 1 to 100.
	Quality int `flow:"quality"`
	// MaxPixels is how many pixels an original may have. It is compared with what
	// the file says of itself, before memory is taken for it; a larger picture
	// makes the message invalid.
	MaxPixels int `flow:"max_pixels"`
	// Timeout is how long reading one picture may take. A longer one fails.
	Timeout time.Duration `flow:"timeout"`
}

// NewThumbnail returns a Thumbnail with its defaults; it needs a Width.
func NewThumbnail() *Thumbnail {
	return &Thumbnail{Quality: 85, MaxPixels: 25_000_000, Timeout: 10 * time.Second}
}

// ImageFormat is a format that thumbnails are written in.
type ImageFormat string

// The formats of thumbnails.
const (
	JPEG ImageFormat = "jpeg"
	PNG  ImageFormat = "png"
)

// Options returns the formats.
func (ImageFormat) Options() []string { return []string{string(JPEG), string(PNG)} }

// Validate checks the sizes.
func (t *Thumbnail) Validate() error {
	const most = 1<<16 - 1 // of a JPEG
	switch {
	case t.Width < 1 || t.Width > most:
		return eip.OptionErrorf("width", "must be from 1 to %d pixels", most)
	case t.Height < 0 || t.Height > most:
		return eip.OptionErrorf("height", "must be from 1 to %d pixels", most)
	case t.Format != "" && t.Format != JPEG && t.Format != PNG:
		return eip.OptionErrorf("format", "must be jpeg or png")
	case t.Quality < 1 || t.Quality > 100:
		return eip.OptionErrorf("quality", "must be from 1 to 100")
	case t.MaxPixels < 1:
		return eip.OptionErrorf("max_pixels", "must be 1 or more")
	case t.Timeout <= 0:
		return eip.OptionErrorf("timeout", "must be more than 0")
	}
	return nil
}

// Process passes on the thumbnail of m's body.
func (t *Thumbnail) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	original, format, err := t.decode(ctx, m.Body())
	if err != nil {
		return err
	}
	if t.Format != "" {
		format = t.Format
	}
	upright := orientation(m.Body())
	small := upright.apply(t.fit(original, upright, format))
	body, err := t.encode(small, format)
	if err != nil {
		return fmt.Errorf("write thumbnail: %w", err)
	}
	size, was := small.Bounds(), upright.size(original.Bounds().Size())
	return next.Handle(ctx, m.WithBody(body).With(func(m *eip.Message) {
		m.ContentType, m.Encoding = "image/"+string(format), ""
	}).WithHeaders(eip.Headers{
		"width": size.Dx(), "height": size.Dy(), "original_width": was.X, "original_height": was.Y,
	}))
}

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

// fit scales the picture, as it lies, so that it fits into the box once upright.
func (t *Thumbnail) fit(original image.Image, upright orient, format ImageFormat) *image.RGBA {
	box := upright.size(image.Pt(t.Width, orWidth(t.Height, t.Width)))
	from := original.Bounds().Size()
	scale := min(1, float64(box.X)/float64(from.X), float64(box.Y)/float64(from.Y))
	small := image.NewRGBA(image.Rect(0, 0, scaled(from.X, scale), scaled(from.Y, scale)))
	if format == JPEG { // has no transparency
		draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	}
	draw.CatmullRom.Scale(small, small.Bounds(), original, original.Bounds(), draw.Over, nil)
	return small
}

func orWidth(height, width int) int {
	if height == 0 {
		return width
	}
	return height
}

func scaled(n int, scale float64) int { return max(1, int(float64(n)*scale+0.5)) }

func (t *Thumbnail) encode(small image.Image, format ImageFormat) ([]byte, error) {
	var b bytes.Buffer
	if format == JPEG {
		err := jpeg.Encode(&b, small, &jpeg.Options{Quality: t.Quality})
		return b.Bytes(), err
	}
	err := png.Encode(&b, small)
	return b.Bytes(), err
}
