package transform_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/eipd/eipd/eip/transform"
)

// rotated adds an Exif segment to a JPEG.
func rotated(picture []byte, orientation uint16, order binary.AppendByteOrder) []byte {
	mark := "MM"
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		mark = "II"
	}
	b := []byte("Exif\x00\x00" + mark)
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, e := range [][2]uint16{{0x0100, 7}, {0x0112, orientation}} {
		b = order.AppendUint16(b, e[0])
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, e[1])
		b = order.AppendUint16(b, 0)
	}
	out := append([]byte{}, picture[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(b)+2))
	out = append(out, b...)
	return append(out, picture[2:]...)
}

// Each orientation says which corner of what is stored shows at the top left, top
// right, bottom left and bottom right.
func TestThumbnail_StandsUpright(t *testing.T) {
	shows := map[uint16][4]int{
		0: {0, 1, 2, 3}, 1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
		5: {0, 2, 1, 3}, 6: {2, 0, 3, 1}, 7: {3, 1, 2, 0}, 8: {1, 3, 0, 2}, 9: {0, 1, 2, 3},
	}
	for orientation, want := range shows {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			s := transform.NewThumbnail()
			s.Width, s.Height, s.Format = 40, 60, "png"
			m, err := thumbnailOf(t.Context(), s, rotated(pictureOf("jpeg", 240, 160), orientation, order))
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(m.Body()))
			if err != nil {
				t.Fatal(err)
			}
			size := got.Bounds().Size()
			upright := image.Pt(40, 27)
			if orientation >= 5 && orientation <= 8 {
				upright = image.Pt(40, 60)
			}
			if size != upright {
				t.Errorf("orientation %d: size is %v, want %v", orientation, size, upright)
			}
			for i, corner := range want {
				x, y := size.X/4+(i%2)*size.X/2, size.Y/4+(i/2)*size.Y/2
				if !near(got.At(x, y), corners[corner]) {
					t.Errorf("orientation %d: quarter %d is %v, want %v", orientation, i, got.At(x, y), corners[corner])
				}
			}
		}
	}
}

func near(c color.Color, want color.RGBA) bool {
	got := color.RGBAModel.Convert(c).(color.RGBA)
	d := func(a, b uint8) bool { return max(a, b)-min(a, b) < 24 }
	return d(got.R, want.R) && d(got.G, want.G) && d(got.B, want.B)
}
