package transform

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"time"

	"golang.org/x/image/draw"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("thumbnail", func() eip.Stage { return NewThumbnail() }) }

// Thumbnail is a Message Translator for pictures: it replaces a JPEG, PNG or GIF
// by a smaller copy that fits into a box and keeps its shape. The copy stands
// upright, as the camera meant it, and carries none of the original's metadata.
type Thumbnail struct {
	// The width of the box that the thumbnail fits into, in pixels. A picture that is
	// smaller already keeps its size.
	Width int `flow:"width,required"`
	// The height of the box, in pixels. Without it, the same as the width.
	Height int `flow:"height"`
	// The format of the thumbnail. Without it, that of the original, and PNG for a
	// GIF, of which the first frame is taken.
	Format ImageFormat `flow:"format"`
	// The quality of a JPEG thumbnail, from 1 to 100.
	Quality int `flow:"quality"`
	// The most pixels that an original may have. A larger one makes the message
	// invalid; that is seen in the file's first bytes, before memory is taken for it.
	MaxPixels int `flow:"max_pixels"`
	// How long reading one picture may take; the message fails then.
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

// fit scales the picture, as it lies, so that it fits into the box once upright.
func (t *Thumbnail) fit(original image.Image, upright orient, format ImageFormat) *image.RGBA {
	box := upright.size(image.Pt(t.Width, orWidth(t.Height, t.Width)))
	from := original.Bounds().Size()
	scale := min(1, float64(box.X)/float64(from.X), float64(box.Y)/float64(from.Y))
	small := image.NewRGBA(image.Rect(0, 0, scaled(from.X, scale), scaled(from.Y, scale)))
	if format == JPEG { // has no transparency
		draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	}
	scaler(from).Scale(small, small.Bounds(), original, original.Bounds(), draw.Over, nil)
	return small
}

// scaler picks one that a picture of this size cannot make use much memory: with
// CatmullRom that is 32 bytes for each row of the original in each column of the
// thumbnail, which is little, unless the original is hardly wider.
func scaler(original image.Point) draw.Scaler {
	if original.X < 16 && original.Y > 1<<16 {
		return draw.ApproxBiLinear
	}
	return draw.CatmullRom
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
