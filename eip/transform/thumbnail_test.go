package transform_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/transform"
)

func ExampleThumbnail() {
	thumbnail := transform.NewThumbnail()
	thumbnail.Width = 160

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Println(m.ContentType, m.Headers["width"], "x", m.Headers["height"])
		return nil
	})
	flow := eip.Chain([]eip.Stage{thumbnail}, show)
	eip.Deliver(context.Background(), flow, eip.New(pictureOf("jpeg", 640, 480), nil))
	// Output: image/jpeg 160 x 120
}

// corners has a colour of its own in each quarter, so that a test can tell which
// way it is up.
var corners = [4]color.RGBA{{200, 0, 0, 255}, {0, 180, 0, 255}, {0, 0, 220, 255}, {230, 230, 0, 255}}

func drawCorners(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.SetRGBA(x, y, corners[2*(2*y/h)+2*x/w])
		}
	}
	return p
}

func pictureOf(format string, w, h int) []byte {
	var b bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&b, drawCorners(w, h), &jpeg.Options{Quality: 95})
	case "gif":
		err = gif.Encode(&b, drawCorners(w, h), nil)
	default:
		err = png.Encode(&b, drawCorners(w, h))
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestThumbnail_KeepsTheContract(t *testing.T) {
	small := func(eip.Handler) eip.Stage {
		s := transform.NewThumbnail()
		s.Width = 10
		return s
	}
	eiptest.Stage(t, eiptest.StageCase{New: small, Inputs: []*eip.Message{
		eip.New(pictureOf("jpeg", 40, 30), nil), eip.New(pictureOf("png", 40, 30), nil)}})
	eiptest.Stage(t, eiptest.StageCase{New: small, Outcome: eiptest.Rejects})
}

// thumbnailOf runs one picture through t.
func thumbnailOf(ctx context.Context, t *transform.Thumbnail, body []byte) (out *eip.Message, err error) {
	err = eip.Await(ctx, eip.Chain([]eip.Stage{t}, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		out = m
		return nil
	})), eip.New(body, nil))
	return out, err
}

func TestThumbnail_FitsAndKeepsShape(t *testing.T) {
	tests := map[string]struct {
		input, format string
		w, h          int
		boxW, boxH    int
		wantW, wantH  int
		want          string
	}{
		"wide":                 {"jpeg", "", 400, 200, 100, 100, 100, 50, "jpeg"},
		"tall":                 {"jpeg", "", 200, 400, 100, 100, 50, 100, "jpeg"},
		"height defaults":      {"png", "", 200, 400, 100, 0, 50, 100, "png"},
		"flat box":             {"png", "", 400, 400, 300, 30, 30, 30, "png"},
		"never enlarged":       {"png", "", 40, 20, 100, 100, 40, 20, "png"},
		"never less than one":  {"png", "", 1000, 2, 10, 10, 10, 1, "png"},
		"gif becomes png":      {"gif", "", 400, 200, 100, 100, 100, 50, "png"},
		"gif to jpeg":          {"gif", "jpeg", 400, 200, 100, 100, 100, 50, "jpeg"},
		"jpeg to png":          {"jpeg", "png", 400, 200, 100, 100, 100, 50, "png"},
		"rounds to the nearer": {"png", "", 300, 199, 100, 100, 100, 66, "png"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := transform.NewThumbnail()
			s.Width, s.Height, s.Format = tt.boxW, tt.boxH, transform.ImageFormat(tt.format)
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			m, err := thumbnailOf(t.Context(), s, pictureOf(tt.input, tt.w, tt.h))
			if err != nil {
				t.Fatal(err)
			}
			got, format, err := image.Decode(bytes.NewReader(m.Body()))
			if err != nil {
				t.Fatal(err)
			}
			if size := got.Bounds().Size(); size != image.Pt(tt.wantW, tt.wantH) {
				t.Errorf("size is %v, want %d x %d", size, tt.wantW, tt.wantH)
			}
			if format != tt.want || m.ContentType != "image/"+tt.want {
				t.Errorf("format is %s (%s), want %s", format, m.ContentType, tt.want)
			}
			want := eip.Headers{"width": tt.wantW, "height": tt.wantH, "original_width": tt.w, "original_height": tt.h}
			for name, v := range want {
				if m.Headers[name] != v {
					t.Errorf("header %s is %v, want %v", name, m.Headers[name], v)
				}
			}
		})
	}
}

func TestThumbnail_TransparencyOverWhite(t *testing.T) {
	var clear bytes.Buffer
	if err := png.Encode(&clear, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[transform.ImageFormat]color.NRGBA{"jpeg": {255, 255, 255, 255}, "png": {}} {
		s := transform.NewThumbnail()
		s.Width, s.Format = 16, format
		m, err := thumbnailOf(t.Context(), s, clear.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := image.Decode(bytes.NewReader(m.Body()))
		if err != nil {
			t.Fatal(err)
		}
		if c := color.NRGBAModel.Convert(got.At(8, 8)); c != want {
			t.Errorf("%s: a clear pixel became %v, want %v", format, c, want)
		}
	}
}

// bomb is a PNG of a few bytes that claims to be w x h pixels.
func bomb(w, h uint32) []byte {
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	header = binary.BigEndian.AppendUint32(header, h)
	header = append(header, 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

func TestThumbnail_WhatIsNoPictureIsInvalid(t *testing.T) {
	whole := pictureOf("png", 64, 64)
	tests := map[string]struct {
		body []byte
		want string
	}{
		"empty":      {nil, "the body is no JPEG, PNG or GIF"},
		"text":       {[]byte("hello"), "the body is no JPEG, PNG or GIF"},
		"cut short":  {whole[:len(whole)/2], "read image: "},
		"only magic": {[]byte("\xff\xd8\xff"), "read image: "},
		"bomb":       {bomb(60_000, 60_000), "60000 x 60000 are more than max_pixels (25000000)"},
		"huge bomb":  {bomb(1<<31-1, 1<<31-1), "read image: "},
		"no pixels":  {bomb(0, 5), "read image: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := transform.NewThumbnail()
			s.Width = 10
			m, err := thumbnailOf(t.Context(), s, tt.body)
			if m != nil || !eip.IsInvalid(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("passed on %v with error %v, want an invalid message: %s", m, err, tt.want)
			}
		})
	}
}

// A picture of one column is small on the wire, and must be so in memory.
func TestThumbnail_NarrowPictureTakesLittleMemory(t *testing.T) {
	const rows = 4_000_000
	var narrow bytes.Buffer
	if err := png.Encode(&narrow, image.NewGray(image.Rect(0, 0, 1, rows))); err != nil {
		t.Fatal(err)
	}
	s := transform.NewThumbnail()
	s.Width = 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := thumbnailOf(t.Context(), s, narrow.Bytes()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16*rows {
		t.Errorf("took %d bytes for %d pixels", used, rows)
	}
}

// The time-out is the machine's trouble as often as the picture's, so the message
// is tried again.
func TestThumbnail_TimeoutFails(t *testing.T) {
	s := transform.NewThumbnail()
	s.Width, s.Timeout = 10, 1
	_, err := thumbnailOf(t.Context(), s, pictureOf("jpeg", 64, 64))
	if !errors.Is(err, context.DeadlineExceeded) || eip.IsPermanent(err) {
		t.Errorf("error is %v, want a passing one", err)
	}
}

func TestThumbnail_Validate(t *testing.T) {
	tests := map[string]func(*transform.Thumbnail){
		"width":      func(s *transform.Thumbnail) { s.Width = 0 },
		"height":     func(s *transform.Thumbnail) { s.Height = 70_000 },
		"format":     func(s *transform.Thumbnail) { s.Format = "webp" },
		"quality":    func(s *transform.Thumbnail) { s.Quality = 101 },
		"max_pixels": func(s *transform.Thumbnail) { s.MaxPixels = 0 },
		"timeout":    func(s *transform.Thumbnail) { s.Timeout = 0 },
	}
	for option, spoil := range tests {
		s := transform.NewThumbnail()
		s.Width = 10
		if err := s.Validate(); err != nil {
			t.Errorf("a good one is refused: %v", err)
		}
		spoil(s)
		var wrong *eip.OptionError
		if err := s.Validate(); !errors.As(err, &wrong) || wrong.Option != option {
			t.Errorf("error is %v, want one about %s", err, option)
		}
	}
}

func FuzzThumbnail(f *testing.F) {
	for _, format := range []string{"jpeg", "png", "gif"} {
		f.Add(pictureOf(format, 30, 20))
	}
	f.Add(rotated(pictureOf("jpeg", 30, 20), 6, binary.LittleEndian))
	f.Add(bomb(5, 5))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := transform.NewThumbnail()
		s.Width, s.MaxPixels = 16, 100_000
		m, err := thumbnailOf(t.Context(), s, body)
		if err != nil {
			if strings.Contains(err.Error(), "panic") {
				t.Fatal(err)
			}
			return
		}
		c, _, err := image.DecodeConfig(bytes.NewReader(m.Body()))
		if err != nil || c.Width > 16 || c.Height > 16 {
			t.Errorf("made %d x %d pixels, error %v", c.Width, c.Height, err)
		}
	})
}
